"""Staff begin campaigns and change their terms, on record; they see every prebooking."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from apps.identity.models import User
from apps.ride_prebooking.models import Campaign, Prebooking
from wildrydes.models import OperatorAction

from .conftest import Workers, campaign, prebook

CAMPAIGNS = "admin:ride_prebooking_campaign"
PREBOOKINGS = "admin:ride_prebooking_prebooking"


@pytest.fixture
def operator(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(username="olga"))
    return client


def terms(**said: Any) -> dict[str, Any]:
    """Return what the form sends."""
    now = timezone.now()
    moments = {"starts_at": now, "ends_at": now + timedelta(days=7)}
    times = {
        f"{name}_{part}": f"{moment:{form}}"
        for name, moment in moments.items()
        for part, form in ((0, "%Y-%m-%d"), (1, "%H:%M:%S"))
    }
    return (
        {"code": "spring", "name": "Spring", "capacity": 5, "discount_percent": 20} | times | said
    )


def test_a_campaign_is_begun_and_changed_on_record(operator: Client) -> None:
    operator.post(reverse(f"{CAMPAIGNS}_add"), terms())
    row = Campaign.objects.get()
    page = reverse(f"{CAMPAIGNS}_change", args=[row.pk])

    operator.post(page, terms(capacity=9))

    row.refresh_from_db()
    assert (row.code, row.capacity, row.discount_percent, row.taken) == ("spring", 9, 20, 0)
    actions = OperatorAction.objects.order_by("id").values_list("by", "action")
    assert list(actions) == [("olga", "begin_campaign"), ("olga", "change_campaign")]
    assert OperatorAction.objects.last().detail["before"]["capacity"] == "5"  # type: ignore[union-attr]


def test_a_change_leaves_alone_what_is_taken_meanwhile(operator: Client) -> None:
    row = campaign("spring", capacity=5)
    page = reverse(f"{CAMPAIGNS}_change", args=[row.pk])
    operator.get(page)
    Campaign.objects.update(taken=3)

    refused = operator.post(page, terms(capacity=2))
    assert b"3 places are taken." in refused.content
    operator.post(page, terms(capacity=3))

    row.refresh_from_db()
    assert (row.capacity, row.taken) == (3, 3)


@pytest.mark.parametrize(
    "wrong", [{"discount_percent": 101}, {"code": "no spaces"}, {"capacity": -1}], ids=str
)
def test_what_cannot_be_is_refused(operator: Client, wrong: dict[str, Any]) -> None:
    answer = operator.post(reverse(f"{CAMPAIGNS}_add"), terms(**wrong))

    assert answer.status_code == 200
    assert not Campaign.objects.exists()


def test_a_campaign_is_not_deleted_and_keeps_its_code(operator: Client) -> None:
    row = campaign("spring")

    deleted = operator.post(reverse(f"{CAMPAIGNS}_delete", args=[row.pk]), {"post": "yes"})
    operator.post(reverse(f"{CAMPAIGNS}_change", args=[row.pk]), terms(code="autumn"))

    assert deleted.status_code == 403
    assert Campaign.objects.get().code == "spring"


def test_who_may_only_look_changes_nothing(transactional_db: None) -> None:
    user = User.objects.create(username="otto", role="staff", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_campaign"))
    onlooker = Client()
    onlooker.force_login(user)
    row = campaign("spring")

    assert onlooker.get(reverse(f"{CAMPAIGNS}_changelist")).status_code == 200
    answer = onlooker.post(reverse(f"{CAMPAIGNS}_change", args=[row.pk]), terms(capacity=1))

    assert answer.status_code == 403
    assert Campaign.objects.get().capacity == 10


def test_the_pages_show_what_is_there(workers: Workers, operator: Client) -> None:
    campaign("spring", capacity=2)
    id = prebook(campaign="spring")
    prebook(campaign="unknown", customer="thandi")
    workers.run()

    assert b"1 of 2" in operator.get(reverse(f"{CAMPAIGNS}_changelist")).content
    listed = operator.get(reverse(f"{PREBOOKINGS}_changelist"))
    assert b"unknown-campaign" in listed.content
    page = operator.get(reverse(f"{PREBOOKINGS}_change", args=[id]))
    assert b"ride_prebooking.submit" in page.content
    assert operator.post(reverse(f"{PREBOOKINGS}_change", args=[id]), {}).status_code == 403
    assert Prebooking.objects.get(id=id).status == "confirmed"


def test_demo_campaigns_are_seeded_once_and_nowhere_else(
    transactional_db: None, settings: Settings
) -> None:
    settings.DEMO_ACCOUNTS = True
    call_command("seed_campaigns")
    call_command("seed_campaigns")
    codes = Campaign.objects.order_by("code").values_list("code", flat=True)
    assert list(codes) == ["SPRING", "WINTER"]

    settings.DEMO_ACCOUNTS = False
    with pytest.raises(CommandError):
        call_command("seed_campaigns")
