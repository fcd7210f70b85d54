"""What the demonstration finds wrong with an instant ride."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from apps.identity import demo as accounts
from apps.identity import operations
from apps.identity.models import User
from config.demo import following, instant, rides
from wildrydes.models import Response, Scatter

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
QUOTE = {"responder": "winelands", "quote": "12.50"}
TIMELINE = [{"event": event} for event in instant.MILESTONES]
RIDE = {"state": "completed", "price": "12.50", "ride_completion": "c1", "timeline": TIMELINE}


@pytest.fixture
def quoting(db: None) -> instant.Quoting:
    scatter = Scatter.objects.create(
        id=uuid4(), gathering="g", asked=["winelands", "moonlight"], rule="all", deadline_at=NOW
    )
    for responder, outcome in (("winelands", "answered"), ("moonlight", "timed_out")):
        Response.objects.create(scatter=scatter, responder=responder, outcome=outcome)
    return instant.Quoting(
        rfq=str(scatter.id), streamed=[QUOTE], closed={"quotes": [QUOTE]}, seconds=5.1
    )


def trip(**changes: Any) -> instant.Trip:
    outcome = following.Outcome(rides.RIDES[0], "c1", {}, frozenset(), frozenset())
    return instant.Trip({**RIDE, **changes}, outcome)


def test_a_ride_that_went_well_has_no_complaint(quoting: instant.Quoting) -> None:
    assert instant.complaints(quoting, trip()) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"seconds": 60.0}, "was not closed by its deadline"),
        ({"streamed": []}, "other quotes than the stream brought"),
    ],
)
def test_a_request_that_went_wrong_is_complained_of(
    quoting: instant.Quoting, changes: dict[str, Any], complaint: str
) -> None:
    [found] = instant.complaints(replace(quoting, **changes), trip())
    assert complaint in found


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"state": "started"}, "ended as started"),
        ({"price": "13.00"}, "booked at another price"),
        ({"ride_completion": "c2"}, "completed by another report"),
        ({"timeline": TIMELINE[:2]}, "went through requested, booked only"),
    ],
)
def test_a_ride_that_went_wrong_is_complained_of(
    quoting: instant.Quoting, changes: dict[str, Any], complaint: str
) -> None:
    [found] = instant.complaints(quoting, trip(**changes))
    assert complaint in found


def test_a_responder_of_whom_nothing_is_known_is_complained_of(quoting: instant.Quoting) -> None:
    Response.objects.filter(responder="moonlight").delete()

    [found] = instant.complaints(quoting, trip())
    assert "has no entry for: moonlight" in found


def test_who_did_not_quote_is_said_with_the_reason(quoting: instant.Quoting) -> None:
    said: list[str] = []
    instant.tell_of_silence(quoting, say=said.append)
    assert [line.strip() for line in said] == ["did not answer: moonlight"]


@pytest.mark.django_db
def test_the_unicorn_that_comes_has_an_account_of_its_fleet() -> None:
    first = accounts.unicorn(username="gannet", fleet="west-coast", now=NOW)
    assert accounts.unicorn(username="gannet", fleet="west-coast", now=NOW).token == first.token

    user = User.objects.get(username="gannet")
    assert (user.role, user.fleet) == (User.Role.UNICORN, "west-coast")


@pytest.mark.django_db
def test_somebody_elses_account_of_that_name_is_not_taken_over() -> None:
    user = operations.register_customer(
        username="gannet", password="known to a customer", customer="g", email="", name=""
    )

    with pytest.raises(User.DoesNotExist):
        accounts.unicorn(username="gannet", fleet="west-coast", now=NOW)
    user.refresh_from_db()
    assert user.check_password("known to a customer")
