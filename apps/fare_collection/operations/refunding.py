"""Give back, on the order of staff, what was collected: all of it or a part, never more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.fare_collection.messages import Fare, FareRefunded, MarkRefundFailed
from apps.fare_collection.models import REFUND, FareCollection, FareRefund
from wildrydes import publishing, saga
from wildrydes.models import OperatorAction
from wildrydes.outgoing import Outgoing

ASK = "refund_fare"
Refunds = FareRefund.Status
Status = FareCollection.Status


class NothingToRefundError(Exception):
    """The fare was not collected, or is given back already, or is being given back."""

    def __init__(self, collection: FareCollection) -> None:
        super().__init__(f"there is nothing to give back of collection {collection.id}")
        self.collection = collection


class TooMuchError(Exception):
    """More is wanted than is left of the fare."""

    def __init__(self, collection: FareCollection, *, left: Decimal) -> None:
        super().__init__(f"{left:.2f} {collection.currency} are left of the fare, no more")
        self.collection = collection
        self.left = left


def ask(
    *, collection_id: UUID, amount: Decimal | None, why: str, by: str, now: datetime
) -> FareRefund:
    """Begin to give a part of a fare back, or all that is left of it; put on record who did.

    The amount is held from now on, so that refunds together are never more than the fare. Raises
    `FareCollection.DoesNotExist`, `NothingToRefundError` or `TooMuchError`.
    """
    with transaction.atomic():
        collection = FareCollection.objects.select_for_update(no_key=True).get(id=collection_id)
        wanted = _amount(collection, amount)
        collection.in_refund += wanted
        collection.status = Status.REFUNDING
        collection.save(update_fields=["in_refund", "status"])
        refund = FareRefund.objects.create(
            collection=collection,
            amount=wanted,
            why=why,
            requested_by=by,
            requested_at=now,
            status=Refunds.REFUNDING,
        )
        refund.saga = saga.start(REFUND, key=str(refund.id), input=_input(refund))
        refund.save(update_fields=["saga"])
        detail = {**_input(refund), "refund": str(refund.id), "reason": why}
        OperatorAction.objects.create(by=by, action=ASK, detail=detail)
    return refund


def register(*, refunds: Sequence[UUID]) -> list[str]:
    """See that these refunds are there to be made; return why not, for each, or ""."""
    status = dict(FareRefund.objects.filter(id__in=refunds).values_list("id", "status"))
    return ["" if id in status else "there is no such refund" for id in refunds]


def mark_refunded(*, refunds: Iterable[UUID], now: datetime) -> None:
    """Write down that these refunds were made, and publish `v1.fare.refunded` for each.

    One that was made is not told of again. Must be called inside a transaction.
    """
    made = _end(refunds, Refunds.REFUNDED, now=now)
    for refund in made:
        collection = refund.collection
        collection.in_refund -= refund.amount
        collection.refunded += refund.amount
        _save(collection)
    publishing.publish_all([_told(refund, now=now) for refund in made])


def mark_failed(*, failed: Iterable[MarkRefundFailed], now: datetime) -> None:
    """Write down that these refunds could not be made; what they held is free again.

    Safe to call again. Must be called inside a transaction.
    """
    marks = {mark.refund: mark for mark in failed}
    for refund in _end(marks, Refunds.FAILED, now=now):
        refund.failed_step, refund.reason = marks[refund.id].step, marks[refund.id].reason
        refund.save(update_fields=["failed_step", "reason"])
        refund.collection.in_refund -= refund.amount
        _save(refund.collection)


def left(collection: FareCollection) -> Decimal:
    """Return how much of a fare may be given back."""
    if collection.status in (Status.COLLECTING, Status.FAILED):
        return Decimal("0.00")
    return collection.amount - collection.refunded - collection.in_refund


def _amount(collection: FareCollection, wanted: Decimal | None) -> Decimal:
    available = left(collection)
    if available <= 0:
        raise NothingToRefundError(collection)
    if wanted is not None and wanted > available:
        raise TooMuchError(collection, left=available)
    return available if wanted is None else wanted


def _input(refund: FareRefund) -> dict[str, object]:
    """Return what the saga is told: the ride's fare, of which the amount is given back."""
    fare = _fare(refund).to_data()
    return {"collection": str(refund.collection_id), **fare}


def _fare(refund: FareRefund) -> Fare:
    collection = refund.collection
    return Fare(
        ride_completion=collection.ride_completion,
        ride=collection.ride,
        customer=collection.customer,
        origin=collection.origin,
        destination=collection.destination,
        amount=refund.amount,
        currency=collection.currency,
    )


def _end(ids: Iterable[UUID], status: str, *, now: datetime) -> list[FareRefund]:
    """End those of the refunds that are under way; return them with their collections, locked.

    Collections first, in order of id, as `ask` locks them.
    """
    wanted = FareRefund.objects.filter(id__in=list(ids))
    of = wanted.values("collection")
    locked = FareCollection.objects.filter(id__in=of).order_by("id").select_for_update(no_key=True)
    collections = {collection.id: collection for collection in locked}
    refunds = list(wanted.filter(status=Refunds.REFUNDING).order_by("id"))
    for refund in refunds:
        refund.collection = collections[refund.collection_id]
        refund.status, refund.ended_at = status, now
        refund.save(update_fields=["status", "ended_at"])
    return refunds


def _save(collection: FareCollection) -> None:
    collection.status = _status(collection)
    collection.save(update_fields=["in_refund", "refunded", "status"])


def _status(collection: FareCollection) -> str:
    if collection.in_refund:
        return Status.REFUNDING
    return Status.REFUNDED if collection.refunded == collection.amount else Status.COLLECTED


def _told(refund: FareRefund, *, now: datetime) -> Outgoing:
    collection = refund.collection
    event = FareRefunded(
        **vars(_fare(refund)),
        collection=collection.id,
        refund=refund.id,
        reason=refund.why,
        card=collection.card,
        refunded_at=now,
    )
    return Outgoing(
        body=event, subject=str(collection.id), group_id=str(collection.ride_completion)
    )
