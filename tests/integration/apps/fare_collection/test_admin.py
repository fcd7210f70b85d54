"""Staff look at fares in the admin, and give them back from there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from apps.fare_collection.models import FareCollection
from apps.identity.models import User

from .conftest import Town

FARES = "admin:fare_collection_farecollection"
LIST = reverse(f"{FARES}_changelist")
GiveCard = Callable[..., None]


@pytest.fixture
def operator(transactional_db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser(username="olga"))
    return client


@pytest.fixture
def onlooker(transactional_db: None) -> Client:
    user = User.objects.create(username="otto", role="staff", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_farecollection"))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def collected(town: Town, card: GiveCard) -> FareCollection:
    card()
    return town.collect()


def test_a_stuck_fare_is_shown_with_step_and_reason(
    town: Town, card: GiveCard, operator: Client
) -> None:
    card("pm_sandbox_refundFails")
    town.close_account()
    fare = town.collect()

    listed = operator.get(LIST).content.decode()
    page = operator.get(reverse(f"{FARES}_change", args=[fare.id])).content.decode()

    assert "stuck" in listed.lower()
    assert "capture" in page
    assert "refund_refused" in page
    assert operator.get(LIST, {"q": str(fare.ride_completion)}).status_code == 200


def test_a_fare_is_given_back_after_a_question(
    town: Town, collected: FareCollection, operator: Client
) -> None:
    chosen = {"action": "refund", "_selected_action": str(collected.id)}

    question = operator.post(LIST, chosen)
    assert b"Refund of 1 fare" in question.content
    answer = {**chosen, "confirmed": "yes", "amount": "56.50", "reason": "A detour."}
    operator.post(LIST, answer)
    town.run()

    collected.refresh_from_db()
    assert str(collected.refunded) == "56.50"
    refund = collected.refunds.get()
    assert (refund.why, refund.requested_by) == ("A detour.", "olga")
    told = operator.post(LIST, {**answer, "amount": "500.00"}, follow=True)
    assert b"200.00 EUR are left of the fare, no more" in told.content


def test_who_lacks_the_permission_gives_nothing_back(
    collected: FareCollection, onlooker: Client
) -> None:
    assert onlooker.get(LIST).status_code == 200

    chosen = {"action": "refund", "_selected_action": str(collected.id)}
    onlooker.post(LIST, {**chosen, "confirmed": "yes", "reason": "A favour."})

    assert not collected.refunds.exists()
