"""Which prebookings are taken, and why others are not. No clock, no database."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

FURTHEST_AHEAD = timedelta(days=365)
APART = timedelta(minutes=30)


class Status(StrEnum):
    """Where a prebooking stands."""

    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    DUE = "due"
    DISPATCHED = "dispatched"
    UNFULFILLED = "unfulfilled"


class Reason(StrEnum):
    """Why a prebooking is not to be had."""

    IN_THE_PAST = "in-the-past"
    TOO_FAR_AHEAD = "too-far-ahead"
    OVERLAP = "overlap"
    UNKNOWN_CAMPAIGN = "unknown-campaign"
    CAMPAIGN_NOT_BEGUN = "campaign-not-begun"
    CAMPAIGN_ENDED = "campaign-ended"
    CAMPAIGN_FULL = "campaign-full"
    NO_UNICORN = "no-unicorn"


EXPLANATIONS = {
    Reason.IN_THE_PAST: "The time of the ride is over.",
    Reason.TOO_FAR_AHEAD: "Rides are prebooked at most a year ahead.",
    Reason.OVERLAP: "The customer has another prebooking less than half an hour away.",
    Reason.UNKNOWN_CAMPAIGN: "There is no such campaign.",
    Reason.CAMPAIGN_NOT_BEGUN: "The campaign has not begun.",
    Reason.CAMPAIGN_ENDED: "The campaign has ended.",
    Reason.CAMPAIGN_FULL: "The campaign has no places left.",
    Reason.NO_UNICORN: "No unicorn was found for the ride.",
}
GIVEN_UP_AFTER = timedelta(minutes=30)
MAY_CANCEL = frozenset({Status.ACCEPTED, Status.CONFIRMED})


def explanation(reason: str) -> str:
    """Return a reason in words; "" where there is none."""
    return EXPLANATIONS[Reason(reason)] if reason else ""


def against_time(*, ride_at: datetime, now: datetime) -> Reason | None:
    """Return what speaks against a ride at that time, if anything does."""
    if ride_at <= now:
        return Reason.IN_THE_PAST
    return Reason.TOO_FAR_AHEAD if ride_at > now + FURTHEST_AHEAD else None


def against_campaign(
    *, starts_at: datetime, ends_at: datetime, places_left: int, asked_at: datetime
) -> Reason | None:
    """Return what speaks against a campaign for who asked then, if anything does.

    A campaign takes part in what was asked from its start until just before its end, however
    long that waits.
    """
    if asked_at < starts_at:
        return Reason.CAMPAIGN_NOT_BEGUN
    if asked_at >= ends_at:
        return Reason.CAMPAIGN_ENDED
    return Reason.CAMPAIGN_FULL if places_left <= 0 else None
