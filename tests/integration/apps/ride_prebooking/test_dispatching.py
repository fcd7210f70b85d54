"""A prebooked ride that is due becomes a request for quotes, and the best quote a ride."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.customer_notification.models import Notification
from apps.ride_booking.models import PrebookedRequest, Rfq, Ride
from apps.ride_booking.operations import prebooked, requesting
from apps.ride_prebooking.messages import DispatchPrebooking
from apps.ride_prebooking.models import Prebooking
from apps.ride_prebooking.operations import dispatching
from config.topology import TOPOLOGY
from wildrydes import publishing, scatter_gather, topology
from wildrydes.models import Message
from wildrydes.topology import Subscription

from .conftest import OF_FLEETS, Workers, campaign, prebook, statuses, told
from .test_deciding import envelopes

DISPATCH = "v1.ride-prebooking.dispatch"
FLEETS = ("north", "south", "east")


@pytest.fixture(autouse=True)
def three_fleets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three fleets be asked, who say nothing by themselves, and have the time to answer."""
    asked = (
        Subscription(
            name=f"fleets.quote_{fleet}",
            topics=("quote-requests",),
            queue=f"{OF_FLEETS}moonlight",
            responder=fleet,
            answers_to=requesting.GATHERING,
        )
        for fleet in FLEETS
    )
    others = tuple(
        entry for entry in TOPOLOGY.subscriptions if entry.answers_to != requesting.GATHERING
    )
    ours = replace(TOPOLOGY, subscriptions=(*others, *asked))
    monkeypatch.setattr(topology, "current", lambda: ours)
    monkeypatch.setattr(prebooked, "ANSWER_TIME", timedelta(minutes=5))


def due(**said: Any) -> None:
    """Let somebody prebook a ride that is due at once."""
    prebook(hours=0.05, **said)


def answer(**quotes: str) -> None:
    """Let every fleet answer the only request, or decline where no quote is given."""
    rfq = Rfq.objects.get()
    for fleet in FLEETS:
        said = scatter_gather.declined("too far")
        if fleet in quotes:
            data = {"quote": quotes[fleet], "currency": "EUR", "unicorn": f"of-{fleet}"}
            said = scatter_gather.answered(data)
        with transaction.atomic():
            scatter_gather.record(rfq.id, responder=fleet, answer=said)


def notified() -> set[str]:
    return set(Notification.objects.values_list("kind", flat=True))


def test_what_is_due_is_asked_for_and_the_best_quote_is_booked(workers: Workers) -> None:
    due()
    workers.run()
    assert statuses() == {"cmr": "due"}

    answer(north="30.00", south="28.50")
    workers.run()

    row, ride, rfq = Prebooking.objects.get(), Ride.objects.get(), Rfq.objects.get()
    assert (row.status, row.ride, row.rfq) == ("dispatched", ride.id, rfq.id)
    assert (ride.fleet, ride.price, ride.customer) == ("south", Decimal("28.50"), "cmr")
    assert (ride.origin, ride.destination) == ("Cape Town", "Paarl")
    assert len(told("v1.ride-prebooking.dispatched")) == 1
    assert {"prebooked", "ride_booked"} <= notified()


def test_it_is_one_story_from_the_prebooking_to_the_ride(workers: Workers) -> None:
    due()
    workers.run()
    answer(north="30.00")
    workers.run()

    told_of = {"v1.ride-quotes.requested", "v1.ride.booked", "v1.ride-prebooking.dispatched"}
    stories = Message.objects.filter(type__in=told_of).values_list("correlation_id", flat=True)
    assert set(stories) == {str(Prebooking.objects.get().id)}


def test_what_is_not_due_waits_in_the_log(workers: Workers) -> None:
    prebook(hours=24)

    workers.run()

    row, call = Prebooking.objects.get(), Message.objects.get(type=DISPATCH)
    assert row.status == "confirmed"
    assert call.not_before == row.due_at
    assert not Rfq.objects.exists()


def test_a_quote_above_the_price_limit_is_not_accepted(workers: Workers) -> None:
    due(price_limit=Decimal("28.00"))
    workers.run()

    answer(north="30.00", south="28.01")
    workers.run()

    assert statuses() == {"cmr": "unfulfilled no-unicorn"}
    assert not Ride.objects.exists()
    assert "prebooking_unfulfilled" in notified()


def test_a_campaigns_discount_is_in_the_price_and_in_the_limit(workers: Workers) -> None:
    campaign("spring", discount_percent=25)
    due(campaign="spring", price_limit=Decimal("30.00"))
    workers.run()

    answer(north="40.00")
    workers.run()

    assert Ride.objects.get().price == Decimal("30.00")
    assert statuses() == {"cmr": "dispatched"}


def test_where_nobody_offers_a_ride_the_customer_is_told(workers: Workers) -> None:
    due()
    workers.run()

    answer()
    workers.run()

    assert statuses() == {"cmr": "unfulfilled no-unicorn"}
    assert "prebooking_unfulfilled" in notified()
    due()
    workers.run()
    assert Prebooking.objects.filter(status="due").count() == 1


def test_where_the_cheapest_unicorn_is_taken_the_next_one_comes(workers: Workers) -> None:
    due()
    workers.run()
    answer(north="20.00", south="28.50")
    workers.run()
    first = Ride.objects.get()
    due(customer="thandi")
    workers.run()

    with transaction.atomic():
        rfq = PrebookedRequest.objects.exclude(rfq=first.rfq).get().rfq
        for fleet, amount in (("north", "20.00"), ("south", "28.50"), ("east", "99.00")):
            data = {"quote": amount, "currency": "EUR", "unicorn": f"of-{fleet}"}
            scatter_gather.record(rfq.id, responder=fleet, answer=scatter_gather.answered(data))
    workers.run()

    assert first.fleet == "north"
    assert Ride.objects.exclude(id=first.id).get().fleet == "south"


def test_what_arrives_again_asks_for_nothing_more(workers: Workers) -> None:
    due()
    workers.run()
    answer(north="30.00")
    workers.run()
    (call,) = envelopes(DISPATCH)

    with transaction.atomic():
        dispatching.dispatch(causes={UUID(call.subject): call}, now=timezone.now())
    again = publishing.Outgoing(body=DispatchPrebooking(prebooking=UUID(call.subject)))
    with transaction.atomic():
        publishing.send_all([again])
    workers.run()

    assert (Rfq.objects.count(), Ride.objects.count()) == (1, 1)
    assert len(told("v1.ride-prebooking.dispatched")) == 1


def test_what_was_cancelled_is_not_asked_for(workers: Workers) -> None:
    prebook(hours=24)
    workers.run()
    row = Prebooking.objects.get()
    Prebooking.objects.update(status="cancelled", busy_until=row.ride_at)
    (call,) = envelopes(DISPATCH)

    with transaction.atomic():
        dispatching.dispatch(causes={row.id: call}, now=timezone.now())

    assert statuses() == {"cmr": "cancelled"}
    assert told("v1.instant-ride.request") == []


def test_what_is_long_over_is_given_up(workers: Workers) -> None:
    prebook(hours=24)
    workers.run()
    (call,) = envelopes(DISPATCH)
    much_later = timezone.now() + timedelta(hours=24, minutes=31)

    with transaction.atomic():
        dispatching.dispatch(causes={UUID(call.subject): call}, now=much_later)

    assert statuses() == {"cmr": "unfulfilled no-unicorn"}
    assert told("v1.instant-ride.request") == []


def test_a_great_many_future_calls_are_not_read_to_find_who_is_due(workers: Workers) -> None:
    """Given a hundred thousand prebookings ahead, the relay's question stays a look at an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO wildrydes_unrouted (due_at, position)"
            " SELECT now() + interval '1 day', 1000000 + n FROM generate_series(1, 100000) AS n"
        )
        cursor.execute("ANALYZE wildrydes_unrouted")
        cursor.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT due_at, position"
            " FROM wildrydes_unrouted WHERE due_at <= now() ORDER BY due_at, position LIMIT 100"
        )
        (plan,) = cursor.fetchone()[0]
        cursor.execute("TRUNCATE wildrydes_unrouted")
    assert plan["Plan"]["Actual Rows"] == 0
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 20
