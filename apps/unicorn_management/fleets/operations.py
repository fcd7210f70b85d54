"""What may be done with the fleets: set their prices, go to work, rest, be put on a ride."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from apps.identity.messages import Caller
from apps.unicorn_management.fleets.gazetteer import Place
from apps.unicorn_management.models import Fleet, Unicorn
from wildrydes.models import OperatorAction

CHANGE = "change_fleet"

# In order of id, so that two workers with the same unicorns wait for each other.
LOCK = """
SELECT FROM unicorn_management_unicorn WHERE id = ANY(%s::text[]) ORDER BY id FOR NO KEY UPDATE
"""

FREE = """
UPDATE unicorn_management_unicorn AS unicorn SET ride = NULL
FROM unnest(%s::text[], %s::uuid[]) AS finished (unicorn, ride)
WHERE unicorn.id = finished.unicorn AND unicorn.ride = finished.ride
"""

PUT_ON_RIDE = """
UPDATE unicorn_management_unicorn AS unicorn SET ride = booked.ride, ride_as_of = booked.at
FROM unnest(%s::text[], %s::uuid[], %s::timestamptz[]) AS booked (unicorn, ride, at)
WHERE unicorn.id = booked.unicorn AND (unicorn.ride IS NULL OR unicorn.ride_as_of <= booked.at)
"""


class UnknownFleetError(Exception):
    """The caller belongs to a fleet that there is not."""

    def __init__(self, *, fleet: str) -> None:
        super().__init__(f"there is no fleet {fleet!r}")
        self.fleet = fleet


@dataclass(frozen=True, kw_only=True)
class Move:
    """A unicorn was put on a ride at that moment or, with `is_over`, is off it."""

    unicorn: str
    ride: UUID
    at: datetime
    is_over: bool


def change_fleet(*, slug: str, changes: Mapping[str, Any], by: str) -> Fleet:
    """Change prices or behaviour of a fleet, and put on record who did.

    Raises `Fleet.DoesNotExist`, and Django's `ValidationError`, which names the field, for what
    does not go together; then nothing has happened.
    """
    with transaction.atomic():
        fleet = Fleet.objects.select_for_update(no_key=True).get(slug=slug)
        before = {name: getattr(fleet, name) for name in changes}
        for name, value in changes.items():
            setattr(fleet, name, value)
        fleet.full_clean()
        if changed := {name: old for name, old in before.items() if old != changes[name]}:
            fleet.save(update_fields=list(changed))
            _record(fleet, before=changed, by=by)
    return fleet


def go_online(*, caller: Caller, place: Place | None = None) -> Unicorn:
    """Let the caller's unicorn take rides, from this place if it says where it is.

    Safe to call again. Raises `UnknownFleetError`.
    """
    return _update(caller, place=place, is_online=True)


def go_offline(*, caller: Caller) -> Unicorn:
    """Let the caller's unicorn rest; the ride that it is on goes on. As `go_online` otherwise."""
    return _update(caller, is_online=False)


def move(*, caller: Caller, place: Place) -> Unicorn:
    """Keep where the caller's unicorn is. As `go_online` otherwise."""
    return _update(caller, place=place)


def follow_rides(*, moves: Sequence[Move]) -> None:
    """Keep which unicorn is on which ride, in three statements for any number of moves.

    `moves` has those of one ride in their order. A unicorn that is not one of ours (a fleet that
    answers by itself may name any) is passed over.
    """
    last = {move.ride: move for move in moves}.values()
    over = [move for move in last if move.is_over]
    booked = _latest_by_unicorn(move for move in last if not move.is_over)
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [[move.unicorn for move in last]])
        cursor.execute(FREE, [[move.unicorn for move in over], [move.ride for move in over]])
        columns: list[Any] = [
            [move.unicorn for move in booked],
            [move.ride for move in booked],
            [move.at for move in booked],
        ]
        cursor.execute(PUT_ON_RIDE, columns)


def _latest_by_unicorn(moves: Iterable[Move]) -> list[Move]:
    latest = {move.unicorn: move for move in sorted(moves, key=lambda move: move.at)}
    return [latest[unicorn] for unicorn in sorted(latest)]


def _update(caller: Caller, *, place: Place | None = None, **values: Any) -> Unicorn:
    if place is not None:
        where = {"latitude": place.latitude, "longitude": place.longitude}
        values |= {"place": place.name, **where}
    if not Fleet.objects.filter(slug=caller.fleet).exists():
        raise UnknownFleetError(fleet=caller.fleet)
    values["fleet_id"] = caller.fleet
    unicorn, _ = Unicorn.objects.update_or_create(
        user_id=caller.user_id,
        defaults=values,
        create_defaults={"id": f"{caller.fleet}-{caller.user_id}", **values},
    )
    return unicorn


def _record(fleet: Fleet, *, before: Mapping[str, Any], by: str) -> None:
    after = {name: getattr(fleet, name) for name in before}
    detail = {"fleet": fleet.slug, "from": _plain(before), "to": _plain(after)}
    OperatorAction.objects.create(by=by, action=CHANGE, detail=detail)


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what JSON can hold; an amount of money is a string."""
    plain = (bool, int, float, str, type(None))
    return {name: v if isinstance(v, plain) else str(v) for name, v in values.items()}
