"""Three fleets that are asked, and what they say when a test lets them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from rest_framework.test import APIClient

from apps.identity.models import User
from apps.ride_booking.operations.requesting import GATHERING
from config.topology import TOPOLOGY
from wildrydes import scatter_gather, topology
from wildrydes.models import Response
from wildrydes.topology import Subscription

URL = "/api/v1/instant-ride-rfqs"
RIDES = "/api/v1/rides"
FLEETS = ("north", "south", "east")
WANTED = {"from": "Frankfurt", "to": "Las Vegas", "customer": "cmr"}

Quote = Callable[..., Response]


@pytest.fixture(autouse=True)
def three_fleets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three fleets be asked, whichever there are elsewhere."""
    asked = (
        Subscription(
            name=f"fleets.quote_{fleet}",
            topics=("quote-requests",),
            queue="ride_booking",
            responder=fleet,
            answers_to=GATHERING,
        )
        for fleet in FLEETS
    )
    others = (entry for entry in TOPOLOGY.subscriptions if not entry.answers_to)
    ours = replace(TOPOLOGY, subscriptions=(*others, *asked))
    monkeypatch.setattr(topology, "current", lambda: ours)


@pytest.fixture
def rfq(as_customer: APIClient) -> str:
    """Return the id of a request for quotes of the customer `cmr`."""
    return str(as_customer.post(URL, WANTED, format="json").json()["id"])


def quote(rfq: str, responder: str, amount: str = "12.50", **data: Any) -> Response:
    """Let a fleet answer."""
    answer = scatter_gather.answered({"quote": amount, "currency": "EUR", **data})
    with transaction.atomic():
        return scatter_gather.record(UUID(rfq), responder=responder, answer=answer)


def decline(rfq: str, responder: str) -> None:
    """Let a fleet decline."""
    with transaction.atomic():
        scatter_gather.record(
            UUID(rfq), responder=responder, answer=scatter_gather.declined("too far")
        )


def close(rfq: str, because: str = "deadline") -> None:
    """End a request for quotes."""
    with transaction.atomic():
        scatter_gather.close(UUID(rfq), because=because)


def turn_back(rfq: str, by: timedelta) -> None:
    """Let a request for quotes have been made, and answered, earlier."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE wildrydes_response SET received_at = received_at - %s WHERE scatter_id = %s",
            [by, rfq],
        )


def another(**caller: str) -> APIClient:
    """Return a client of somebody else."""
    client = APIClient()
    client.force_authenticate(User.objects.create(username="another", **caller))
    return client


def fields_of(answer: Any) -> list[str]:
    """Return the fields that a refusal names."""
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [error["field"] for error in answer.json()["errors"]]


def problem_of(answer: Any) -> tuple[int, str]:
    """Return status and type of a refusal."""
    assert answer["Content-Type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == answer.status_code
    return answer.status_code, content["type"].removeprefix("/problems/")
