"""A card's number is refused by every service, wherever it stands, and stored by none."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from apps.identity.models import User
from apps.ride_booking.models import Rfq
from apps.unicorn_management.models import RideCompletion
from wildrydes import redaction
from wildrydes.models import Message

NUMBER = "4012888888881881"
WRITTEN = (NUMBER, "4012 8888 8888 1881", "4012-8888-8888-1881", "to my card 4012.8888.8888.1881!")
RIDES = "/api/v1/ride-completions"
RIDE = {
    "from": "Berlin",
    "to": "Frankfurt",
    "duration": 420,
    "distance": 600,
    "customer": "cmr",
    "fare": 256.50,
}
WANTED = {"from": "Frankfurt", "to": "Las Vegas", "customer": "cmr"}
NOTHING = UUID(int=7)
RFQ = f"/api/v1/instant-ride-rfqs/{NOTHING}"


@pytest.fixture
def as_generous(db: None) -> APIClient:
    """Return a client whose caller may give fares back."""
    client = APIClient()
    caller = User.objects.create(username="olga", role="staff", is_superuser=True)
    client.force_authenticate(caller)
    return client


def refused(answer: Any, field: str) -> bool:
    """Say whether the answer names the field, and does not say the number back."""
    assert answer.status_code == 400, answer.content
    assert not redaction.is_in(answer.content.decode())
    return [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("field", ["from", "to", "customer", "ride"])
@pytest.mark.parametrize("url", [RIDES, "/submit-ride-completion"])
def test_a_completed_ride_with_one_is_not_stored(
    as_unicorn: APIClient, url: str, field: str, text: str
) -> None:
    answer = as_unicorn.post(url, {**RIDE, field: text}, format="json")

    assert refused(answer, field)
    assert not RideCompletion.objects.exists()
    assert not Message.objects.exists()


def test_of_many_rides_only_the_one_with_a_number_is_refused(as_unicorn: APIClient) -> None:
    items = [RIDE, {**RIDE, "to": NUMBER}, RIDE]

    results = as_unicorn.post(f"{RIDES}/batch", {"items": items}, format="json").json()["results"]

    assert [[error["field"] for error in item.get("errors", ())] for item in results] == [
        [],
        ["to"],
        [],
    ]
    assert set(RideCompletion.objects.values_list("destination", flat=True)) == {"Frankfurt"}


@pytest.mark.parametrize("field", ["from", "to", "customer"])
@pytest.mark.parametrize("url", ["/api/v1/instant-ride-rfqs", "/submit-instant-ride-rfq"])
def test_a_request_for_quotes_with_one_is_not_stored(
    as_customer: APIClient, url: str, field: str
) -> None:
    assert refused(as_customer.post(url, {**WANTED, field: NUMBER}, format="json"), field)
    assert not Rfq.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    ("role", "url", "body", "field"),
    [
        ("customer", f"{RFQ}/accept", {"responder": NUMBER}, "responder"),
        ("unicorn", f"{RFQ}/quotes", {"quote": 30, "unicorn": NUMBER}, "unicorn"),
        ("unicorn", "/api/v1/unicorns/me/location", {"place": NUMBER}, "place"),
        ("generous", f"/api/v1/fare-collections/{NOTHING}/refund", {"reason": NUMBER}, "reason"),
    ],
)
def test_no_other_field_takes_one_in(
    request: pytest.FixtureRequest, role: str, url: str, body: dict[str, Any], field: str
) -> None:
    client: APIClient = request.getfixturevalue(f"as_{role}")

    assert refused(client.post(url, body, format="json"), field)


def test_a_password_may_be_anything_for_it_is_stored_nowhere(db: None) -> None:
    body = {"username": "cmr", "password": NUMBER}

    assert APIClient().post("/api/v1/auth/token", body, format="json").status_code == 401


@pytest.mark.parametrize("header", ["X-Request-ID", "X-Correlation-ID"])
def test_a_correlation_id_that_is_one_is_not_taken_over(as_unicorn: APIClient, header: str) -> None:
    answer = as_unicorn.post(RIDES, RIDE, format="json", headers={header: NUMBER})

    assert UUID(answer["X-Request-ID"])
    assert Message.objects.get().correlation_id == answer["X-Request-ID"]
