"""Each prebooking is confirmed or rejected once, by the rules, whatever comes at the same time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.ride_prebooking.messages import SubmitPrebooking
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations import confirming, storing
from apps.ride_prebooking.operations.storing import Submission
from apps.ride_prebooking.subscriptions import process, submit
from wildrydes.envelope import Envelope
from wildrydes.models import Message

from .conftest import Workers, at_once, campaign, prebook, statuses, told

CONFIRMED = "v1.ride.prebooked"
REJECTED = "v1.ride-prebooking.rejected"
SUBMITTED = "v1.ride-prebooking.submitted"


def outcomes() -> Counter[str]:
    """Return how often each prebooking was confirmed or rejected, as was told."""
    return Counter(data["prebooking"] for data in told(CONFIRMED) + told(REJECTED))


def envelopes(type_: str) -> list[Envelope]:
    """Return the messages of a type as they arrive."""
    return [row.to_envelope() for row in Message.objects.filter(type=type_).order_by("position")]


def in_batches(messages: Sequence[Envelope], size: int) -> list[list[Envelope]]:
    """Return the messages in batches of that size."""
    return [list(messages[at : at + size]) for at in range(0, len(messages), size)]


def handle(handler: Any, batch: Sequence[Envelope]) -> None:
    with transaction.atomic():
        handler(batch)


def test_what_is_accepted_is_stored_and_confirmed(workers: Workers) -> None:
    id = prebook(price_limit=None)

    workers.run()

    row = Prebooking.objects.get()
    assert (row.id, row.status, row.reason) == (id, "confirmed", "")
    assert row.due_at == row.ride_at - settings.PREBOOKING_LEAD
    assert row.decided_at is not None
    (stored,), (confirmed,) = told(SUBMITTED), told(CONFIRMED)
    assert stored["prebooking"] == confirmed["prebooking"] == str(id)
    assert confirmed["due_at"] == row.due_at.isoformat()


def test_its_story_is_one(workers: Workers) -> None:
    id = prebook()

    workers.run()

    story = Message.objects.filter(correlation_id=str(id)).order_by("position")
    causes = {row.type: row.causation_id for row in story}
    ids = {row.type: row.id for row in story}
    assert causes["v1.ride-prebooking.submit"] is None
    assert causes[SUBMITTED] == id
    assert causes[CONFIRMED] == ids[SUBMITTED]


def test_whoever_overlaps_oneself_is_told_so(workers: Workers) -> None:
    prebook(hours=24)
    workers.run()
    prebook(hours=24.4)
    prebook(customer="thandi", hours=24.4)

    workers.run()

    rows = Prebooking.objects.order_by("id").values_list("customer", "status", "reason")
    assert list(rows) == [
        ("cmr", "confirmed", ""),
        ("cmr", "rejected", "overlap"),
        ("thandi", "confirmed", ""),
    ]
    (refused,) = told(REJECTED)
    assert "less than half an hour" in refused["explanation"]


def test_half_an_hour_apart_is_far_enough(workers: Workers) -> None:
    now = timezone.now() + timedelta(days=1)
    for minutes in (0, 30, -30, 29, 59):
        ahead = (now + timedelta(minutes=minutes) - timezone.now()) / timedelta(hours=1)
        prebook(hours=ahead)
    ids = Message.objects.order_by("position").values_list("id", flat=True)
    exact = {
        id: now + timedelta(minutes=n) for id, n in zip(ids, (0, 30, -30, 29, 59), strict=True)
    }
    submissions = [
        Submission(
            wanted=SubmitPrebooking.from_data({**each.data, "when": exact[each.id].isoformat()}),
            cause=each,
        )
        for each in envelopes("v1.ride-prebooking.submit")
    ]

    with transaction.atomic():
        storing.store(submissions=submissions, now=timezone.now())

    stood = Prebooking.objects.order_by("id").values_list("status", flat=True)
    assert list(stood) == ["accepted", "accepted", "accepted", "rejected", "rejected"]


def test_who_was_rejected_keeps_nobody_out(workers: Workers) -> None:
    prebook(campaign="unknown")
    workers.run()
    prebook()

    workers.run()

    rows = Prebooking.objects.order_by("id").values_list("status", flat=True)
    assert list(rows) == ["rejected", "confirmed"]


@pytest.mark.parametrize(
    ("hours", "reason"), [(24 * 366, "too-far-ahead"), (24 * 364, ""), (-1, "in-the-past")]
)
def test_a_ride_is_ahead_and_within_a_year(workers: Workers, hours: float, reason: str) -> None:
    """Given that it may wait, a ride that was ahead when it was accepted may be over by now."""
    prebook(hours=hours)

    workers.run()

    row = Prebooking.objects.get()
    assert (row.status, row.reason) == ("rejected" if reason else "confirmed", reason)


def test_what_waited_until_its_ride_was_over_is_rejected(workers: Workers) -> None:
    prebook(hours=1)
    handle(submit, envelopes("v1.ride-prebooking.submit"))
    (stored,) = envelopes(SUBMITTED)

    later = timezone.now() + timedelta(hours=2)
    with transaction.atomic():
        confirming.confirm(
            causes={UUID(stored.subject): stored}, lead=settings.PREBOOKING_LEAD, now=later
        )

    assert statuses() == {"cmr": "rejected in-the-past"}


def test_campaigns_that_are_none_are_told_apart(workers: Workers) -> None:
    now = timezone.now()
    campaign("over", ends_at=now - timedelta(hours=1))
    campaign("ahead", starts_at=now + timedelta(hours=1))
    campaign("full", capacity=0)
    campaign("open")
    for code in ("over", "ahead", "full", "open", "unknown"):
        prebook(customer=code, campaign=code)

    workers.run()

    assert statuses() == {
        "over": "rejected campaign-ended",
        "ahead": "rejected campaign-not-begun",
        "full": "rejected campaign-full",
        "open": "confirmed",
        "unknown": "rejected unknown-campaign",
    }
    assert Prebooking.objects.get(customer="open").discount_percent == 25
    assert all(data["explanation"] for data in told(REJECTED))


def test_who_asked_in_time_takes_part_however_long_that_waits(workers: Workers) -> None:
    row = campaign("spring")
    prebook(campaign="spring")
    row.ends_at = timezone.now()
    row.save()

    workers.run()

    assert statuses() == {"cmr": "confirmed"}


def test_first_come_first_served_and_not_one_more(workers: Workers) -> None:
    campaign("spring", capacity=3)
    for number in range(5):
        prebook(customer=f"c{number}", campaign="spring")

    workers.run()

    expected = ["confirmed"] * 3 + ["rejected campaign-full"] * 2
    assert list(statuses().values()) == expected
    assert Campaign.objects.get().remaining == 0
    assert set(outcomes().values()) == {1}


def test_what_arrives_again_is_not_decided_again(workers: Workers) -> None:
    campaign("spring", capacity=3)
    for number in range(5):
        prebook(customer=f"c{number}", campaign="spring")
    workers.run()
    before = statuses(), Message.objects.count(), Campaign.objects.get().taken

    handle(submit, envelopes("v1.ride-prebooking.submit"))
    handle(process, envelopes(SUBMITTED))

    assert (statuses(), Message.objects.count(), Campaign.objects.get().taken) == before


def test_a_campaign_is_never_oversold_by_those_who_decide_at_once(workers: Workers) -> None:
    """Given sixteen workers, each message delivered twice, in any order."""
    campaign("spring", capacity=37)
    campaign("autumn", capacity=5)
    for number in range(120):
        prebook(customer=f"c{number}", campaign="spring" if number % 3 else "autumn")
    for batch in in_batches(envelopes("v1.ride-prebooking.submit"), 50):
        handle(submit, batch)
    twice = envelopes(SUBMITTED) * 2
    random.Random(7).shuffle(twice)
    batches = in_batches(twice, len(twice) // 16 + 1)

    at_once([lambda batch=batch: handle(process, batch) for batch in batches])

    assert Counter(statuses().values()) == {"confirmed": 42, "rejected campaign-full": 78}
    taken = dict(Campaign.objects.values_list("code", "taken"))
    assert taken == {"spring": 37, "autumn": 5}
    confirmed = Prebooking.objects.filter(status="confirmed").values_list("campaign", flat=True)
    assert Counter(confirmed) == taken
    assert len(outcomes()) == 120
    assert set(outcomes().values()) == {1}


def test_of_one_customers_that_overlap_one_stands_whoever_stores_at_once(
    workers: Workers,
) -> None:
    """Given ten customers who each want sixteen rides at the same time, and sixteen workers."""
    for _ in range(16):
        for number in range(10):
            prebook(customer=f"c{number}", hours=24)
    messages = envelopes("v1.ride-prebooking.submit")
    random.Random(7).shuffle(messages)

    at_once([lambda batch=batch: handle(submit, batch) for batch in in_batches(messages, 10)])

    rows = Prebooking.objects.values_list("customer", "status")
    counted = Counter(rows)
    assert {counted[f"c{number}", "accepted"] for number in range(10)} == {1}
    assert {counted[f"c{number}", "rejected"] for number in range(10)} == {15}
    assert len(told(SUBMITTED)) == 10
    assert len(told(REJECTED)) == 150


def test_the_database_refuses_what_must_not_be(workers: Workers) -> None:
    campaign("spring", capacity=1)
    prebook(campaign="spring")
    workers.run()
    row, full = Prebooking.objects.get(), Campaign.objects.get()

    wrong: list[tuple[Any, dict[str, Any]]] = [
        (full, {"taken": 2}),
        (full, {"capacity": 0}),
        (full, {"ends_at": full.starts_at}),
        (full, {"discount_percent": 101}),
        (row, {"status": "rejected", "busy_until": row.ride_at}),
        (row, {"reason": "overlap"}),
        (row, {"busy_until": row.ride_at}),
        (row, {"status": "dispatched"}),
    ]
    for instance, change in wrong:
        with pytest.raises(IntegrityError), transaction.atomic():
            type(instance).objects.filter(pk=instance.pk).update(**change)
