from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.customer_accounting.subscriptions import record_fare
from wildrydes.envelope import Envelope

Make = Callable[..., Envelope]

STATEMENT = "/api/v1/customers/me/statement"


def test_a_customer_sees_what_they_owe_and_for_what(
    as_customer: APIClient, ride_completed: Make
) -> None:
    ride = ride_completed(fare=256.5)
    record_fare([ride, ride_completed(customer="other")])

    answer = as_customer.get(STATEMENT)

    assert answer.status_code == 200
    body = answer.json()
    assert body["entries"][0].pop("id")
    assert body == {
        "customer": "cmr",
        "currency": "EUR",
        "balance": "256.50",
        "entries": [
            {
                "kind": "ride_fare",
                "ride": ride.data["ride_completion"],
                "description": "Ride from Berlin to Frankfurt",
                "amount": "256.50",
                "balance": "256.50",
                "receivable": "open",
                "occurred_at": "2026-03-01T12:00:00Z",
            }
        ],
        "next": None,
    }


def test_a_statement_of_nothing_is_empty(as_customer: APIClient) -> None:
    body = as_customer.get(STATEMENT).json()

    assert (body["balance"], body["entries"], body["next"]) == ("0.00", [], None)


def test_the_pages_lead_to_the_oldest_entry(as_customer: APIClient, ride_completed: Make) -> None:
    record_fare([ride_completed(fare=n) for n in (1, 2, 3)])

    first = as_customer.get(STATEMENT, {"limit": 2}).json()
    second = as_customer.get(first["next"]).json()

    assert [entry["amount"] for entry in first["entries"] + second["entries"]] == [
        "3.00",
        "2.00",
        "1.00",
    ]
    assert second["next"] is None
    assert second["balance"] == "6.00"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"before": "yesterday"}, "before"),
    ],
)
def test_a_page_that_cannot_be_is_refused_by_name(
    query: dict[str, str], field: str, as_customer: APIClient
) -> None:
    answer = as_customer.get(STATEMENT, query)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_only_customers_have_a_statement(as_staff: APIClient, as_unicorn: APIClient) -> None:
    assert as_staff.get(STATEMENT).status_code == 403
    assert as_unicorn.get(STATEMENT).status_code == 403
    assert APIClient().get(STATEMENT).status_code == 401
