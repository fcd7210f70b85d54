"""A prebooking is cancelled free of charge until it is due, and its place is to be had again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.identity.messages import CUSTOMER, Caller
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations import cancelling
from apps.ride_prebooking.subscriptions import process, submit

from ..conftest import client_of
from .conftest import URL, Workers, at_once, campaign, prebook, statuses, told
from .test_deciding import SUBMITTED, envelopes, handle

CANCELLED = "v1.ride-prebooking.cancelled"
CMR = Caller(user_id=1, role=CUSTOMER, customer="cmr")


@pytest.fixture
def customer(transactional_db: None) -> APIClient:
    return client_of(role="customer", customer="cmr")


def cancel(client: APIClient, prebooking: UUID, body: dict[str, Any] | None = None) -> Any:
    return client.post(f"{URL}/{prebooking}/cancel", body or {}, format="json")


def test_the_place_is_to_be_had_again(workers: Workers, customer: APIClient) -> None:
    campaign("spring", capacity=1)
    mine = prebook(campaign="spring")
    workers.run()

    answer = cancel(customer, mine)
    prebook(customer="thandi", campaign="spring")
    prebook()
    workers.run()

    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    rows = Prebooking.objects.order_by("id").values_list("customer", "status")
    assert list(rows) == [("cmr", "cancelled"), ("thandi", "confirmed"), ("cmr", "confirmed")]
    assert Campaign.objects.get().taken == 1
    assert [data["cancelled_by"] for data in told(CANCELLED)] == ["customer"]


def test_what_is_not_stored_yet_can_be_cancelled_and_stays_so(
    workers: Workers, customer: APIClient
) -> None:
    mine = prebook()

    assert cancel(customer, mine).json()["status"] == "cancelled"
    workers.run()

    assert statuses() == {"cmr": "cancelled"}
    assert told(SUBMITTED) == []
    assert len(told(CANCELLED)) == 1


def test_what_is_cancelled_before_it_is_decided_takes_no_place(
    workers: Workers, customer: APIClient
) -> None:
    campaign("spring", capacity=1)
    mine = prebook(campaign="spring")
    handle(submit, envelopes("v1.ride-prebooking.submit"))

    assert cancel(customer, mine).status_code == 200
    handle(process, envelopes(SUBMITTED))

    assert statuses() == {"cmr": "cancelled"}
    assert Campaign.objects.get().taken == 0


@pytest.mark.parametrize("status", ["rejected", "cancelled", "due", "dispatched", "unfulfilled"])
def test_what_is_over_or_due_is_not_cancelled(
    workers: Workers, customer: APIClient, status: str
) -> None:
    mine = prebook()
    workers.run()
    row = Prebooking.objects.get()
    over = {"busy_until": row.ride_at} if status in ("rejected", "cancelled", "unfulfilled") else {}
    reason = {"reason": "no-unicorn"} if status in ("rejected", "unfulfilled") else {}
    ride = {"ride": mine} if status == "dispatched" else {}
    Prebooking.objects.update(status=status, **over, **reason, **ride)

    answer = cancel(customer, mine)

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/prebooking-state"
    assert answer.json()["status"] == 409
    assert answer.json()["state"] == status
    assert told(CANCELLED) == []


def test_another_customers_is_not_found(workers: Workers) -> None:
    mine = prebook()
    other = client_of(role="customer", customer="thandi")

    assert cancel(other, mine).status_code == 404
    workers.run()
    assert cancel(other, mine).status_code == 404
    assert statuses() == {"cmr": "confirmed"}


def test_a_body_that_says_something_is_refused(workers: Workers, customer: APIClient) -> None:
    assert cancel(customer, prebook(), {"reason": "rain"}).status_code == 400


def test_cancelled_and_stored_or_decided_at_once_it_ends_one_way(workers: Workers) -> None:
    """Given a cancellation beside both workers, its place is taken by nobody in the end."""
    campaign("spring", capacity=20)
    for number in range(20):
        prebook(hours=24 + number, campaign="spring")
    commands = envelopes("v1.ride-prebooking.submit")

    def cancelled(id: UUID) -> None:
        cancelling.cancel(prebooking_id=id, caller=CMR, now=timezone.now())

    at_once(
        [lambda: handle(submit, commands)]
        + [lambda id=each.id: cancelled(id) for each in commands[:7]]
    )
    at_once(
        [lambda: handle(process, envelopes(SUBMITTED))]
        + [lambda id=each.id: cancelled(id) for each in commands[7:14]]
    )

    rows = Prebooking.objects.order_by("id").values_list("status", flat=True)
    assert list(rows) == ["cancelled"] * 14 + ["confirmed"] * 6
    assert Campaign.objects.get().taken == 6
    assert len(told(CANCELLED)) == 14
