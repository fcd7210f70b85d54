"""Begin to collect fares, and write down what becomes of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.fare_collection.messages import (
    Fare,
    FareCollected,
    FareFailed,
    MarkCollected,
    MarkFailed,
    RegisterFare,
)
from apps.fare_collection.models import COLLECT, FareCollection
from wildrydes import publishing, saga
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Outgoing

Status = FareCollection.Status


@dataclass(frozen=True, kw_only=True)
class Due:
    """A fare that is to be collected; `cause` is the message that says so."""

    fare: Fare
    cause: Envelope


def begin(*, due: Sequence[Due]) -> list[UUID]:
    """Start to collect these fares; return the id of each collection, in order.

    A fare that is being collected already, under whatever message, is not collected again. Must be
    called inside a transaction.
    """
    return saga.start_all(
        [
            saga.Start(
                name=COLLECT,
                key=str(item.fare.ride_completion),
                input=item.fare.to_data(),
                cause=item.cause,
            )
            for item in due
        ]
    )


def register(*, fares: Sequence[RegisterFare], now: datetime) -> list[str]:
    """Write down that these fares are being collected; return why not, for each, or "".

    One that is known, in whatever state, is left as it is. Must be called inside a transaction.
    """
    _insert([_collection(fare, Status.COLLECTING, now=now) for fare in fares])
    rides = [fare.ride_completion for fare in fares]
    found = FareCollection.objects.filter(ride_completion__in=rides)
    by_ride = dict(found.values_list("ride_completion", "id"))
    return [_refusal(by_ride.get(fare.ride_completion), fare.collection) for fare in fares]


def mark_collected(*, collected: Sequence[MarkCollected], now: datetime) -> None:
    """Write down that these fares were collected, and publish `v1.fare.collected` for each.

    One that is so already is not told of again. Must be called inside a transaction.
    """
    marks = {mark.collection: mark for mark in collected}
    rows = _locked(marks)
    new = [row for row in rows.values() if row.status in (Status.COLLECTING, Status.FAILED)]
    for row in new:
        row.status, row.card, row.ended_at = Status.COLLECTED, marks[row.id].card, now
        row.failed_step = row.reason = ""
    _save(new)
    publishing.publish_all([_told(_collected(marks[row.id], now=now)) for row in new])


def mark_failed(*, failed: Sequence[MarkFailed], now: datetime) -> None:
    """Write down that these fares could not be collected, and publish `v1.fare.failed` for each.

    One that is so already is not told of again; one that was never registered is, and will not be
    later. Must be called inside a transaction.
    """
    _insert([_collection(mark, Status.COLLECTING, now=now) for mark in failed])
    marks = {mark.collection: mark for mark in failed}
    new = [row for row in _locked(marks).values() if row.status != Status.FAILED]
    for row in new:
        mark = marks[row.id]
        row.status, row.failed_step, row.reason = Status.FAILED, mark.step, mark.reason
        row.ended_at = now
    _save(new)
    publishing.publish_all([_told(_failed(marks[row.id], now=now)) for row in new])


def _insert(rows: Sequence[FareCollection]) -> None:
    """Insert what is new in the order of the key, so that two batches cannot deadlock."""
    in_order = sorted(rows, key=lambda row: row.ride_completion)
    FareCollection.objects.bulk_create(in_order, ignore_conflicts=True)


def _locked(ids: Mapping[UUID, object]) -> dict[UUID, FareCollection]:
    rows = FareCollection.objects.filter(id__in=ids).order_by("id").select_for_update(no_key=True)
    return {row.id: row for row in rows}


def _save(rows: Sequence[FareCollection]) -> None:
    fields = ("status", "card", "failed_step", "reason", "ended_at")
    FareCollection.objects.bulk_update(rows, fields)


def _refusal(known: UUID | None, collection: UUID) -> str:
    return "" if known == collection else f"the ride's fare is that of collection {known}"


def _collection(fare: RegisterFare | MarkFailed, status: str, *, now: datetime) -> FareCollection:
    return FareCollection(
        id=fare.collection,
        ride_completion=fare.ride_completion,
        ride=fare.ride,
        customer=fare.customer,
        origin=fare.origin,
        destination=fare.destination,
        amount=fare.amount,
        currency=fare.currency,
        status=status,
        begun_at=now,
    )


def _collected(mark: MarkCollected, *, now: datetime) -> FareCollected:
    return FareCollected(**vars(mark), collected_at=now)


def _failed(mark: MarkFailed, *, now: datetime) -> FareFailed:
    return FareFailed(**vars(mark), failed_at=now)


def _told(event: FareCollected | FareFailed) -> Outgoing:
    return Outgoing(body=event, subject=str(event.collection), group_id=str(event.ride_completion))
