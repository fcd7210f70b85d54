"""Staff close accounts and write off what is owed, on record."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from apps.customer_accounting import queries
from apps.customer_accounting.models import CustomerAccount, JournalEntry
from apps.identity.models import User
from wildrydes.models import OperatorAction

pytestmark = pytest.mark.django_db

ACCOUNTS = "admin:customer_accounting_customeraccount"
ENTRIES = reverse("admin:customer_accounting_journalentry_changelist")


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(username="olga"))
    return client


@pytest.fixture
def onlooker() -> Client:
    user = User.objects.create(username="otto", role="staff", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_journalentry"))
    client = Client()
    client.force_login(user)
    return client


def test_an_account_is_closed_for_a_reason_and_opened_again(operator: Client) -> None:
    closed = {"customer": "cmr", "is_closed": "on", "reason": ""}
    refused = operator.post(reverse(f"{ACCOUNTS}_add"), closed)
    assert b"Say why the account is closed." in refused.content

    operator.post(reverse(f"{ACCOUNTS}_add"), {**closed, "reason": "A legal hold."})
    assert CustomerAccount.objects.get(customer="cmr").is_closed

    operator.post(reverse(f"{ACCOUNTS}_change", args=["cmr"]), {"reason": "A legal hold."})
    assert not CustomerAccount.objects.get(customer="cmr").is_closed
    actions = OperatorAction.objects.order_by("id").values_list("by", "action")
    assert list(actions) == [("olga", "change_account")] * 2
    assert operator.get(reverse(f"{ACCOUNTS}_delete", args=["cmr"])).status_code == 403


def test_what_is_owed_is_written_off_and_only_once(ride: UUID, operator: Client) -> None:
    entry = JournalEntry.objects.get()
    chosen = {"action": "write_off", "_selected_action": str(entry.pk)}

    operator.post(ENTRIES, chosen)
    again = operator.post(ENTRIES, chosen, follow=True)

    assert queries.receivables(rides=[ride])[ride].status == "written_off"
    assert b"Nothing is owed" in again.content
    assert OperatorAction.objects.filter(action="write_off").count() == 1
    page = reverse("admin:customer_accounting_journalentry_change", args=[entry.pk])
    assert b"written off, 0.00 EUR owed" in operator.get(page).content


def test_who_lacks_the_permission_writes_nothing_off(ride: UUID, onlooker: Client) -> None:
    entry = JournalEntry.objects.get()

    assert onlooker.get(ENTRIES).status_code == 200

    onlooker.post(ENTRIES, {"action": "write_off", "_selected_action": str(entry.pk)})

    assert queries.receivables(rides=[ride])[ride].status == "open"
