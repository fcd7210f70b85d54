"""A fleet answers each request: for how much and who would come, or why not; or it keeps silent."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.unicorn_management import subscriptions
from apps.unicorn_management.fleets import quoting
from apps.unicorn_management.messages import GiveQuote, Quote
from apps.unicorn_management.models import Fleet, OpenRequests, Unicorn
from tests.integration.apps.conftest import NOON, envelope
from wildrydes.envelope import Envelope
from wildrydes.models import Message, new_id
from wildrydes.scatter_gather import Answer

from .conftest import FleetFactory, RequestFactory, UnicornFactory

pytestmark = pytest.mark.django_db


def answers(*asked: Envelope, fleet: str = "winelands") -> list[Answer | None]:
    return subscriptions.quote(fleet, asked)


def the_answer(asked: Envelope, fleet: str = "winelands") -> Answer:
    (answer,) = answers(asked, fleet=fleet)
    assert answer is not None
    return answer


def the_quote(asked: Envelope) -> Quote:
    answer = the_answer(asked)
    assert answer.outcome == "answered", answer.reason
    return Quote.from_data(answer.data)


def why_not(asked: Envelope) -> str:
    answer = the_answer(asked)
    assert (answer.outcome, dict(answer.data)) == ("declined", {})
    return answer.reason


@pytest.fixture
def winelands(fleet: FleetFactory, unicorn: UnicornFactory) -> Fleet:
    """Return the fleet `winelands`, whose unicorn is at Stellenbosch."""
    made = fleet()
    unicorn()
    return made


def test_a_quote_says_for_how_much_and_who_would_come(
    winelands: Fleet, quotes_requested: RequestFactory
) -> None:
    before = timezone.now()
    quote = the_quote(quotes_requested())

    assert (quote.quote, quote.currency) == (Decimal("14.50"), "EUR")  # 3.00 and 11.5 km
    assert (quote.unicorn, quote.distance_km, quote.duration_s) == ("shadowfax", 11.5, 464)
    assert not quote.estimated
    valid = timedelta(seconds=winelands.quote_valid_seconds)
    assert before + valid <= quote.expires_at <= timezone.now() + valid


def test_a_place_that_nobody_knows_is_estimated(
    winelands: Fleet, quotes_requested: RequestFactory
) -> None:
    quote = the_quote(quotes_requested(destination="Atlantis"))

    assert (quote.quote, quote.distance_km) == (Decimal("28.00"), 25)
    assert quote.estimated


def test_a_fleet_that_is_not_there_declines(quotes_requested: RequestFactory) -> None:
    assert why_not(quotes_requested()) == quoting.NO_FLEET


def test_a_fleet_that_is_not_active_declines(
    winelands: Fleet, quotes_requested: RequestFactory
) -> None:
    Fleet.objects.update(is_active=False)

    assert why_not(quotes_requested()) == quoting.NOT_ACTIVE


@pytest.mark.parametrize("values", [{"is_online": False}, {"ride": new_id()}], ids=["off", "busy"])
def test_without_a_free_unicorn_it_declines(
    values: dict[str, Any],
    fleet: FleetFactory,
    unicorn: UnicornFactory,
    quotes_requested: RequestFactory,
) -> None:
    """Given that another fleet has one."""
    fleet()
    fleet("cape-town")
    unicorn(**values)
    unicorn("rarity", fleet="cape-town")

    assert why_not(quotes_requested()) == quoting.NO_UNICORN


@pytest.mark.parametrize(
    ("radius", "origin", "takes"),
    [
        (30, "Paarl", True),
        (20, "Paarl", False),
        (30, "Frankfurt", False),
        (30, "Atlantis", False),
        (None, "Frankfurt", True),
        (None, "Atlantis", True),
    ],
)
def test_it_rides_from_within_its_radius(
    radius: float | None,
    origin: str,
    takes: bool,
    winelands: Fleet,
    quotes_requested: RequestFactory,
) -> None:
    Fleet.objects.update(radius_km=radius)
    request = quotes_requested(origin=origin)

    if takes:
        assert the_quote(request)
    else:
        assert why_not(request) == quoting.NOT_FROM_HERE


def test_the_nearest_unicorn_would_come(
    winelands: Fleet, unicorn: UnicornFactory, quotes_requested: RequestFactory
) -> None:
    unicorn("chenin", place="Wellington")
    unicorn("nowhere", place="")

    assert the_quote(quotes_requested(origin="Paarl")).unicorn == "chenin"
    assert the_quote(quotes_requested(origin="Cape Town")).unicorn == "shadowfax"


def test_of_equally_near_unicorns_not_always_the_same_would_come(
    winelands: Fleet, unicorn: UnicornFactory, quotes_requested: RequestFactory
) -> None:
    unicorn("pinotage")
    requests = [quotes_requested() for _ in range(30)]

    chosen = [the_quote(request).unicorn for request in requests]
    assert set(chosen) == {"shadowfax", "pinotage"}
    assert [the_quote(request).unicorn for request in requests] == chosen


def test_the_price_follows_how_many_requests_are_open(
    winelands: Fleet, quotes_requested: RequestFactory
) -> None:
    """Given one unicorn, two open requests beside this one, and one that is over by now."""
    Fleet.objects.update(demand_factor=0.1, most_surge=5)
    now = timezone.now()
    soon, past = now + timedelta(minutes=1), now - timedelta(minutes=1)
    answers(quotes_requested(deadline_at=soon), quotes_requested(deadline_at=soon))
    answers(quotes_requested(deadline_at=past))

    quote = the_quote(quotes_requested(deadline_at=soon))

    assert quote.quote == Decimal("17.40")  # 14.50 and a fifth
    assert len(OpenRequests.objects.get().deadlines) == 3


def test_no_more_open_requests_are_remembered_than_matter(
    winelands: Fleet, quotes_requested: RequestFactory
) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    for _ in range(2):
        answers(*[quotes_requested(deadline_at=soon) for _ in range(150)])

    assert len(OpenRequests.objects.get().deadlines) == quoting.MOST_OPEN


def test_many_requests_take_four_statements(
    winelands: Fleet,
    quotes_requested: RequestFactory,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    Fleet.objects.update(answer_rate=0.8, delay_median_seconds=1, delay_max_seconds=2)
    requests = [quotes_requested() for _ in range(300)]

    with django_assert_num_queries(4):  # fleet, unicorns, open requests, commands
        assert answers(*requests) == [None] * 300
    assert Message.objects.count() == pytest.approx(240, abs=45)


def test_who_keeps_silent_says_nothing_now_or_later(
    winelands: Fleet, quotes_requested: RequestFactory
) -> None:
    Fleet.objects.update(answer_rate=0)

    assert answers(quotes_requested(), quotes_requested()) == [None, None]
    assert not Message.objects.exists()


def test_a_rehearsed_fault_fails_again_and_again(
    winelands: Fleet, quotes_requested: RequestFactory
) -> None:
    Fleet.objects.update(fault_rate=1)
    request = quotes_requested()

    for _ in range(2):
        with pytest.raises(quoting.RehearsedFaultError):
            answers(request)


@pytest.fixture
def slow(winelands: Fleet) -> Fleet:
    """Return a fleet that takes two seconds."""
    Fleet.objects.update(delay_min_seconds=2, delay_median_seconds=2, delay_max_seconds=2)
    return winelands


def test_a_slow_fleet_tells_itself_to_answer_so_long_after_the_request(
    slow: Fleet, quotes_requested: RequestFactory
) -> None:
    request = quotes_requested()

    assert answers(request) == [None]
    command = Message.objects.get()
    assert (command.type, command.kind) == ("v1.quote.give", "command")
    assert command.subject == str(request.id)
    assert command.not_before == NOON + timedelta(seconds=2)
    assert (command.causation_id, command.correlation_id) == (request.id, "a-story")


def test_a_slow_answer_goes_to_who_asked(slow: Fleet, quotes_requested: RequestFactory) -> None:
    request = quotes_requested()
    answers(request)

    subscriptions.give_quote([Message.objects.get().to_envelope()])

    reply = Message.objects.get(kind="reply")
    assert reply.recipients == ["ride_booking.gather_quotes"]
    assert (reply.causation_id, reply.correlation_id) == (request.id, "a-story")
    assert (reply.data["responder"], reply.data["outcome"]) == ("winelands", "answered")
    assert Quote.from_data(reply.data["data"]).quote == Decimal("14.50")


@pytest.mark.parametrize(
    ("model", "values", "reason"),
    [
        (Unicorn, {"is_online": False}, quoting.NO_UNICORN),
        (Fleet, {"is_active": False}, quoting.NOT_ACTIVE),
    ],
)
def test_what_has_changed_before_a_slow_answer_counts(
    model: Any,
    values: dict[str, Any],
    reason: str,
    slow: Fleet,
    quotes_requested: RequestFactory,
) -> None:
    answers(quotes_requested())
    model.objects.update(**values)

    subscriptions.give_quote([Message.objects.get().to_envelope()])

    reply = Message.objects.get(kind="reply").data
    assert (reply["outcome"], reply["reason"]) == ("declined", reason)


def test_slow_answers_of_many_fleets_take_four_statements(
    fleet: FleetFactory,
    unicorn: UnicornFactory,
    quotes_requested: RequestFactory,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    """Given commands of two fleets that are there and of one that is not any more."""
    fleet()
    fleet("cape-town")
    unicorn()
    slugs = ["winelands", "cape-town", "overberg", "winelands"]
    commands = [GiveQuote(fleet=slug, request=quotes_requested().to_cloudevent()) for slug in slugs]
    received = [envelope(type_=one.TYPE, data=one.to_data()) for one in commands]

    with django_assert_num_queries(4):  # fleets, unicorns, open requests, replies
        subscriptions.give_quote(received)

    said = [reply.data for reply in Message.objects.filter(kind="reply").order_by("position")]
    assert [reply["responder"] for reply in said] == slugs
    reasons = ["", quoting.NO_UNICORN, quoting.NO_FLEET, ""]
    assert [reply["reason"] for reply in said] == reasons
