"""Which prebookings are taken, and why others are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apps.ride_prebooking import rules
from apps.ride_prebooking.rules import Reason

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ahead", "reason"),
    [
        (timedelta(0), Reason.IN_THE_PAST),
        (SECOND, None),
        (timedelta(days=365), None),
        (timedelta(days=365) + SECOND, Reason.TOO_FAR_AHEAD),
    ],
)
def test_a_ride_is_ahead_and_within_a_year(ahead: timedelta, reason: Reason | None) -> None:
    assert rules.against_time(ride_at=NOON + ahead, now=NOON) == reason


@pytest.mark.parametrize(
    ("asked_at", "left", "reason"),
    [
        (NOON - SECOND, 5, Reason.CAMPAIGN_NOT_BEGUN),
        (NOON, 5, None),
        (NOON + 59 * SECOND, 1, None),
        (NOON + 59 * SECOND, 0, Reason.CAMPAIGN_FULL),
        (NOON + 60 * SECOND, 5, Reason.CAMPAIGN_ENDED),
    ],
)
def test_a_campaign_has_a_time_and_places(
    asked_at: datetime, left: int, reason: Reason | None
) -> None:
    said = rules.against_campaign(
        starts_at=NOON, ends_at=NOON + 60 * SECOND, places_left=left, asked_at=asked_at
    )

    assert said == reason


def test_every_reason_is_said_in_words() -> None:
    assert all(rules.explanation(reason).endswith(".") for reason in Reason)
    assert rules.explanation("") == ""
