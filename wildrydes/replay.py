"""Replay: history is sent again from the message log, to one subscription, marked as replayed.

Guarantee: what is still on its way to the subscription is never replayed, so a replay cannot
overtake the live message; what it has a receipt for is replayed only `again`, and then takes
effect again once. Whoever breaks off a replay runs it again, and it goes on where it was.
Does not guarantee: that effects outside the database are not repeated. Handlers that have some
are fenced unless they say that they can be replayed. Where publisher and subscriber have
databases of their own, the publisher's knows no receipts: everything is sent, and the subscriber's
receipts let through what is new to it.
Source: Hohpe and Woolf, Message Store, Wire Tap; Fowler, Event Sourcing (complete rebuild).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Sum

from wildrydes import recipients, subscriptions, topology
from wildrydes.errors import ConfigurationError, ReplayError
from wildrydes.models import Dispatch, Message, OperatorAction, Receipt
from wildrydes.relay import routing, wakeup
from wildrydes.topology import Subscription

CHUNK = 1_000
AHEAD = 5_000
POLL_SECONDS = 0.1

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

# The range by time is found once, by the index on time; from then on positions lead. OFFSET 0 keeps
# Postgres from walking the whole log in search of the least position.
SPAN = """
SELECT coalesce(min(position), 1) - 1, coalesce(max(position), 0) FROM (
    SELECT position FROM wildrydes_message
    WHERE published_at >= %s AND published_at < least(%s, statement_timestamp()) OFFSET 0
) AS found
"""

# One statement, so one snapshot: a message is seen where it is, and never between two places. What
# is neither unrouted nor in a dispatch nor has a receipt is not on its way to the subscription.
PAGE = """
WITH page AS MATERIALIZED (
    SELECT position, id, not_before FROM wildrydes_message
    WHERE position > %(after)s AND position <= %(last)s AND type = ANY(%(types)s)
        AND published_at >= %(since)s AND published_at < least(%(until)s, statement_timestamp())
    ORDER BY position LIMIT %(limit)s
)
SELECT page.position, page.id, receipt.message_id IS NOT NULL,
    page.id NOT IN (
        SELECT unnest(message_ids) FROM wildrydes_dispatch WHERE subscription = %(subscription)s
    ) AND NOT EXISTS (
        SELECT 1 FROM wildrydes_unrouted AS unrouted WHERE unrouted.position = page.position
            AND unrouted.due_at = coalesce(page.not_before, 'epoch')
    ) AND (
        receipt.message_id IS NULL OR (
            %(again)s AND receipt.status IN ('done', 'dropped') AND
            coalesce(receipt.done_at, receipt.last_failed_at, receipt.received_at) < %(done_before)s
        )
    )
FROM page LEFT JOIN wildrydes_receipt AS receipt
    ON receipt.message_id = page.id AND receipt.subscription = %(subscription)s
ORDER BY page.position
"""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is to be replayed: messages published from `since` until before `until`.

    Without `types` it is every type that the subscription takes; its filter applies in any case.
    `again` includes messages that it has done with, or let go of, before `done_before`.
    """

    subscription: str
    since: datetime
    until: datetime
    types: tuple[str, ...] = ()
    again: bool = False
    done_before: datetime

    @cached_property
    def entry(self) -> Subscription:
        """Return the subscription's entry in the topology."""
        return topology.current().subscription(self.subscription)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a replay is. `position` of `last` in the log; `waiting` for the queue to drain."""

    looked_at: int = 0
    sent: int = 0
    position: int = 0
    last: int = 0
    waiting: bool = False


def refuse_wrong(selection: Selection) -> None:
    """Raise `ReplayError`, saying why, unless the selection makes sense here."""
    try:
        takes = topology.current().types_of(selection.entry)
    except ConfigurationError as error:
        raise ReplayError(str(error)) from error
    for type_ in selection.types:
        if type_ not in takes:
            raise ReplayError(f"{selection.subscription!r} does not take {type_!r}")
    if selection.until <= selection.since:
        raise ReplayError("the end is not after the beginning")
    if selection.again:
        _refuse_again(selection.subscription)


def database_now() -> datetime:
    """Return the time by the database's clock, which is the one that messages bear."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


def is_fenced(subscription: str) -> bool:
    """Say whether the handler, as far as it is installed here, lets no replay through."""
    here = {binding.subscription: binding.fenced for binding in subscriptions.bindings()}
    return here.get(subscription, False)


def replay(
    selection: Selection, *, by: str, dry_run: bool = False, ahead: int = AHEAD
) -> Iterator[Progress]:
    """Send the selection again; yield how far it is after each step, and while waiting.

    At most about `ahead` messages wait for the subscription's queue at a time, so that live
    messages are not held up for long, and memory stays flat. Must not run inside a transaction.
    Raises `ReplayError` as `refuse_wrong` does.
    """
    refuse_wrong(selection)
    first, last = _span(selection)
    progress = Progress(position=first, last=last)
    if not dry_run:
        _put_on_record(selection, by=by)
    while progress.position < progress.last:
        if not dry_run and _messages_under_way(selection) >= ahead:
            yield replace(progress, waiting=True)
            time.sleep(POLL_SECONDS)
            continue
        progress = _step(selection, progress, dry_run=dry_run)
        yield progress


def _refuse_again(subscription: str) -> None:
    """The receipts that have to be reset are where the handler is; a fenced one stays fenced."""
    try:
        binding = subscriptions.binding(subscription)
    except ConfigurationError as error:
        raise ReplayError(f"the receipts of {subscription!r} are not in this database") from error
    if binding.fenced:
        raise ReplayError(f"{subscription!r} is fenced: it would not handle them again")


def _step(selection: Selection, progress: Progress, *, dry_run: bool) -> Progress:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK, [f"wildrydes replay {selection.subscription}"])
        cursor.execute(PAGE, _parameters(selection, progress))
        page = cursor.fetchall()
        wanted = [message_id for _, message_id, _, wanted in page if wanted]
        found = _matching(selection, wanted)
        if not dry_run:
            ids = {parcel.message_id for parcel in found}
            known = [key for _, key, has_receipt, _ in page if has_receipt and key in ids]
            _send(selection, found, known)
    whole = len(page) == CHUNK
    return replace(
        progress,
        looked_at=progress.looked_at + len(page),
        sent=progress.sent + len(found),
        position=page[-1][0] if whole else progress.last,
    )


def _matching(selection: Selection, message_ids: Sequence[UUID]) -> list[routing.Parcel]:
    parcels = []
    for message in Message.objects.filter(id__in=message_ids).order_by("position"):
        envelope = message.to_envelope()
        if selection.entry in recipients.of(envelope, named=message.recipients):
            parcels.append(routing.parcel_of(envelope))
    return parcels


def _send(selection: Selection, parcels: Sequence[routing.Parcel], known: Sequence[UUID]) -> None:
    """Enter dispatches for the parcels and forget the receipts of those that are known."""
    forgotten = Receipt.objects.filter(subscription=selection.subscription, message_id__in=known)
    forgotten.delete()
    routing.enter({selection.subscription: parcels}, source=Dispatch.Source.REPLAY)
    wakeup.notify()


def _messages_under_way(selection: Selection) -> int:
    replayed = Dispatch.objects.filter(
        subscription=selection.subscription, source=Dispatch.Source.REPLAY
    )
    return replayed.aggregate(total=Sum("size"))["total"] or 0


def _span(selection: Selection) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(SPAN, [selection.since, selection.until])
        row = cursor.fetchone()
    assert row is not None
    return row[0], row[1]


def _parameters(selection: Selection, progress: Progress) -> dict[str, Any]:
    types = selection.types or topology.current().types_of(selection.entry)
    return {
        "after": progress.position,
        "last": progress.last,
        "types": list(types),
        "since": selection.since,
        "until": selection.until,
        "limit": CHUNK,
        "subscription": selection.subscription,
        "again": selection.again,
        "done_before": selection.done_before,
    }


def _put_on_record(selection: Selection, *, by: str) -> None:
    asked = {"types": list(selection.types), "again": selection.again}
    times = {"since": selection.since.isoformat(), "until": selection.until.isoformat()}
    OperatorAction.objects.create(
        by=by, action="replay", subscription=selection.subscription, detail={**asked, **times}
    )
