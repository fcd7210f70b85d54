"""Questions of the business, answered from the lake, in a terminal and in the admin."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.datalake_ingestion import answers
from apps.datalake_ingestion.lake import open_lake
from apps.identity.models import User
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lake_directory")]

Make = Callable[..., Envelope]
Ingest = Callable[..., None]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ask(name: str) -> list[tuple[Any, ...]]:
    since, lake = NOON - timedelta(days=7), open_lake(settings.LAKE_URL)
    return list(answers.answer(answers.named(name), since=since, lake=lake).rows)


@pytest.fixture
def happened(ride_completed: Make) -> Callable[..., Envelope]:
    """Return a maker of any event."""

    def make(type_: str, *, after: float = 0, **data: Any) -> Envelope:
        time = NOON + timedelta(seconds=after)
        return replace(ride_completed(), id=new_id(), type=type_, time=time, data=data)

    return make


def test_rides_and_fares_by_day(ride_completed: Make, ingest: Ingest) -> None:
    day = timedelta(days=1)
    ingest([ride_completed(fare=10.25), ride_completed(fare=2)], [ride_completed(time=NOON + day)])
    ingest([ride_completed(time=NOON - 8 * day)])

    assert ask("rides") == [("2026-03-01", 2), ("2026-03-02", 1)]
    assert ask("fares") == [("2026-03-01", Decimal("12.25")), ("2026-03-02", Decimal("256.50"))]


def test_how_long_quotes_took(happened: Make, ingest: Ingest) -> None:
    for rfq, seconds in (("a", 1.0), ("b", 2.0), ("c", 3.0)):
        ingest([happened("v1.ride-quotes.requested", rfq=rfq)])
        ingest([happened("v1.ride-quotes.gathered", rfq=rfq, after=seconds)])
    ingest([happened("v1.ride-quotes.requested", rfq="open")])

    assert ask("quotes") == [("2026-03-01", 2.0, 2.9)]


def test_what_became_of_fares(happened: Make, ingest: Ingest) -> None:
    for type_ in ("v1.fare.collected", "v2.fare.collected", "v1.fare.failed"):
        ingest([happened(type_)])
    ingest([happened("v1.fare-collection.stuck")])

    assert ask("sagas") == [("2026-03-01", 2, 1, 0, 1)]


def test_campaign_uptake(happened: Make, ingest: Ingest) -> None:
    for campaign in ("SPRING", "SPRING", ""):
        ingest([happened("v1.ride.prebooked", campaign=campaign)])
    ingest([happened("v1.ride-prebooking.rejected", campaign="SPRING")])

    assert ask("campaigns") == [("SPRING", 2, 1), ("no campaign", 1, 0)]


def test_what_never_happened_is_an_empty_answer() -> None:
    assert [ask(question.name) for question in answers.QUESTIONS] == [[]] * len(answers.QUESTIONS)


def test_the_command_answers_by_name(ride_completed: Make, ingest: Ingest) -> None:
    ingest([ride_completed(fare=10)])
    output = io.StringIO()

    call_command(
        *("lake", "answer", "fares", "--since", "2026-01-01", "--format", "json"), stdout=output
    )

    assert json.loads(output.getvalue()) == [{"day": "2026-03-01", "fares": "10.00"}]


@pytest.fixture
def operator(client: Client) -> Client:
    """Return the browser of an operator."""
    client.force_login(User.objects.create_superuser(username="operator"))
    return client


def test_the_page_shows_a_chart_for_each_question(
    operator: Client, ride_completed: Make, ingest: Ingest
) -> None:
    ingest([ride_completed(fare=12.5, time=timezone.now())])

    page = operator.get(reverse("admin:datalake_ingestion_answers"), {"days": "7"})

    text = page.content.decode()
    assert page.status_code == 200
    assert text.count('class="lc"') == len(answers.QUESTIONS)
    assert "fares: 12.5" in text
    assert page.context["period"] == 7


def test_a_lake_that_cannot_be_read_is_said_to_be_so(
    operator: Client, ride_completed: Make, ingest: Ingest, settings: Any
) -> None:
    ingest([ride_completed()])
    settings.LAKE_URL = "/nowhere/at/all"

    page = operator.get(reverse("admin:datalake_ingestion_answers"), {"days": "x"})

    assert page.status_code == 200
    assert "The lake does not answer from here" in page.content.decode()


def test_the_page_is_for_those_who_may_see_the_lake(client: Client) -> None:
    client.force_login(User.objects.create_user(username="clerk", role="staff", is_staff=True))

    assert client.get(reverse("admin:datalake_ingestion_answers")).status_code == 403
