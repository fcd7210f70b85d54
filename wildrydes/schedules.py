"""Timer: commands that the clock gives, at every full interval.

Guarantee: while a relay runs where its handler is installed, a scheduled command is sent within a
second or so of its moment, once for that moment, however many relays run.
Does not guarantee: that a moment is made up for at which no relay ran.
Source: Hohpe and Woolf, Control Bus; the clock of cron.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from wildrydes import publishing, subscriptions, topology
from wildrydes.topology import Schedule, Topology

SHORTEST = timedelta(seconds=5)
EPOCH = datetime.fromtimestamp(0, tz=UTC)


class Timer:
    """What one relay knows of the clock: the last moment of each schedule that it has seen."""

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}

    def send_due(self) -> None:
        """Send what has come due since the last look; the first look only sees where we are."""
        for schedule in _kept_here(topology.current()):
            moment = EPOCH + (_now() - EPOCH) // schedule.every * schedule.every
            if self._seen.setdefault(schedule.command, moment) != moment:
                _send(schedule, moment)
                self._seen[schedule.command] = moment


def _kept_here(current: Topology) -> list[Schedule]:
    """Return the schedules whose handler is installed here: of separate databases one sends."""
    here = {binding.subscription for binding in subscriptions.bindings()}
    commands = {entry.command for entry in current.subscriptions if entry.name in here}
    return [schedule for schedule in current.schedules if schedule.command in commands]


def _send(schedule: Schedule, moment: datetime) -> None:
    due_at = moment.isoformat()
    with transaction.atomic():
        publishing.send(
            publishing.Plain(schedule.command, {"due_at": due_at}),
            subject=due_at,
            deduplication_id=due_at,
        )


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now
