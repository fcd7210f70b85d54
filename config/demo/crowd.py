"""A campaign, live: more customers than it has places prebook at once, and nobody waits."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TextIO

from django.db import connections
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from apps.ride_prebooking.models import Campaign
from apps.ride_prebooking.operations import campaigning
from config.demo import client

PLACES = 100
CROWD = 150
DISCOUNT = 20
DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.1
SHOWN = ("accepted", "confirmed", "rejected")
BY = "demo"


@dataclass(frozen=True, kw_only=True)
class Rush:
    """What became of a crowd: how many stand how, and how long accepting them all took."""

    code: str
    statuses: Mapping[str, int]
    remaining: int
    seconds: float


def begin_campaign() -> str:
    """Begin a campaign for this demonstration alone; return its code."""
    now = timezone.now()
    campaign = Campaign(
        code=f"RUSH-{now:%Y%m%d-%H%M%S}",
        name="The rush",
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        capacity=PLACES,
        discount_percent=DISCOUNT,
    )
    try:
        return campaigning.begin(campaign=campaign, by=BY).code
    finally:
        connections.close_all()


def rush(staff: client.Caller, *, code: str, stream: TextIO) -> Rush:
    """Let a crowd prebook, and draw how they fare while it happens.

    Raises `RequestRefused` when not all are decided within a minute.
    """
    console = Console(file=stream, highlight=False)
    columns = (TextColumn("{task.description:>9}"), BarColumn(40), MofNCompleteColumn())
    with Progress(*columns, console=console) as progress:
        bars = {name: progress.add_task(name, total=CROWD) for name in SHOWN}
        started = time.monotonic()
        for number in range(CROWD):
            staff.prebook(_wish(number, code=code))
            progress.advance(bars["accepted"])
        seconds = time.monotonic() - started
        statuses = _follow(staff, code, progress, bars)
    return Rush(
        code=code,
        statuses=statuses,
        remaining=int(staff.campaign(code)["remaining"]),
        seconds=seconds,
    )


def complaints(rush: Rush) -> list[str]:
    """Return one sentence for each thing that is not as it must be."""
    expected = {"confirmed": PLACES, "rejected": CROWD - PLACES}
    if dict(rush.statuses) != expected:
        return [f"campaign {rush.code}: {dict(rush.statuses)} instead of {expected}"]
    if rush.remaining:
        return [f"campaign {rush.code}: {rush.remaining} places are left of none"]
    return []


def _follow(
    staff: client.Caller, code: str, progress: Progress, bars: Mapping[str, TaskID]
) -> Counter[str]:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        statuses = _count(staff.prebookings(), code=code)
        for name in ("confirmed", "rejected"):
            progress.update(bars[name], completed=statuses[name])
        if statuses["confirmed"] + statuses["rejected"] == CROWD:
            return statuses
        if time.monotonic() > deadline:
            raise client.RequestRefused(f"campaign {code} is not decided: {dict(statuses)}")
        time.sleep(LOOK_SECONDS)


def _count(rows: Iterable[Mapping[str, object]], *, code: str) -> Counter[str]:
    return Counter(str(row["status"]) for row in rows if row["campaign"] == code)


def _wish(number: int, *, code: str) -> dict[str, object]:
    return {
        "from": "Cape Town",
        "to": "Stellenbosch",
        "when": (timezone.now() + timedelta(days=1)).isoformat(),
        "customer": f"{code}-{number}",
        "campaign": code,
    }
