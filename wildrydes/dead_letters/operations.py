"""What operators do with dead letters: give them another chance, or let go of them.

Each is one transaction, with its record of who did it. `ids` are receipts' numbers; those that
are no dead letters any more are left alone and counted as `gone`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction
from django.db.models import F, TextField, Value
from django.db.models.functions import Concat

from wildrydes import subscriptions, topology
from wildrydes.consumer import groups
from wildrydes.dead_letters import reading
from wildrydes.errors import ConfigurationError, DeadLetterError
from wildrydes.models import DeadLetter, OperatorAction, Receipt
from wildrydes.relay import wakeup

HEAVY = ("error", "traceback", "message", "original_message")

# Takes up again what the other subscription has given up on, and touches nothing else of its.
SEND_TO_OTHER = """
INSERT INTO wildrydes_receipt (subscription, message_id, message_type, status, attempts, starts,
    next_attempt_at, group_id, position, worker, error, traceback, message, original_message)
SELECT DISTINCT ON (message_id) %s, message_id, message_type, 'retrying', 0, 0, now(), group_id,
    position, '', '', '', message, original_message
FROM wildrydes_receipt WHERE id = ANY(%s) ORDER BY message_id, id
ON CONFLICT (message_id, subscription) DO UPDATE
SET status = 'retrying', attempts = 0, starts = 0, next_attempt_at = now(),
    message = excluded.message, original_message = excluded.original_message
WHERE wildrydes_receipt.status IN ('dead', 'dropped')
RETURNING message_id
"""


@dataclass(frozen=True)
class Result:
    """What came of it: the numbers of the letters taken, how many others there were, and why."""

    taken: list[int]
    gone: int = 0
    refused: int = 0
    reasons: tuple[str, ...] = ()


def redrive(*, ids: Sequence[int], by: str, to: str = "") -> Result:
    """Send dead letters again, with all the attempts of the policy; `to` another subscription.

    A letter that its subscription could not read stays, and is counted as refused. With `to` it
    is all or nothing: raises `DeadLetterError` when that subscription does not exist here, does
    not take such messages, or already has one of them; the source's receipts become `dropped`.
    """
    with transaction.atomic():
        letters = lock(ids)
        if to:
            _refuse_unfit_target(letters, to=to)
            found = reading.Sorted(letters, refused=0)
            _send_to_other(letters, to=to)
            _drop(letters, reason=f"redriven to {to} by {by}")
        else:
            found = reading.sort(letters)
            _send_again(found.ready)
        record(found.ready, by=by, action="redrive", detail={"to": to} if to else {})
        wakeup.notify()
    taken = [letter.pk for letter in found.ready]
    return Result(taken, len(ids) - len(letters), found.refused, found.reasons)


def discard(*, ids: Sequence[int], by: str, reason: str) -> Result:
    """Let go of dead letters for good; messages that were parked behind them go on.

    The message stays on the receipt. Raises `DeadLetterError` without a reason.
    """
    if not reason.strip():
        raise DeadLetterError("say why: a discarded message is not handled by anyone")
    with transaction.atomic():
        letters = lock(ids)
        _drop(letters, reason=f"discarded by {by}: {reason.strip()}")
        record(letters, by=by, action="discard", detail={"reason": reason.strip()})
        wakeup.notify()
    return Result([letter.pk for letter in letters], len(ids) - len(letters))


def lock(ids: Sequence[int]) -> list[DeadLetter]:
    """Lock those that are dead letters and return them, in the order in which everybody locks."""
    wanted = DeadLetter.objects.filter(id__in=ids).defer(*HEAVY).order_by("id")
    return list(wanted.select_for_update())


def record(
    letters: Sequence[DeadLetter], *, by: str, action: str, detail: Mapping[str, Any]
) -> None:
    """Put on record who did what to each of these letters."""
    OperatorAction.objects.bulk_create(
        OperatorAction(
            by=by,
            action=action,
            subscription=letter.subscription,
            receipt_id=letter.pk,
            message_id=letter.message_id,
            detail=dict(detail),
        )
        for letter in letters
    )


def _send_again(letters: Sequence[DeadLetter]) -> None:
    DeadLetter.objects.filter(id__in=[letter.pk for letter in letters]).update(
        status=Receipt.Status.RETRYING, attempts=0, starts=0, next_attempt_at=TransactionNow()
    )


def _refuse_unfit_target(letters: Sequence[DeadLetter], *, to: str) -> None:
    types = {letter.message_type for letter in letters}
    if reading.UNREADABLE in types:
        raise DeadLetterError("what cannot be read cannot be redriven to another subscription")
    reading.refuse_other_types(subscription=to, types=types)
    try:
        subscriptions.binding(to)
    except ConfigurationError as error:
        raise DeadLetterError(f"{to} is not handled in this service: {error}") from error
    if any(letter.subscription == to for letter in letters):
        raise DeadLetterError(f"{to} is where some of the letters come from")


def _send_to_other(letters: Sequence[DeadLetter], *, to: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SEND_TO_OTHER, [to, [letter.pk for letter in letters]])
        sent = {message_id for (message_id,) in cursor.fetchall()}
    missing = {letter.message_id for letter in letters} - sent
    if missing:
        known = Receipt.objects.filter(subscription=to, message_id__in=missing).order_by("id")
        first = known.values_list("message_id", "status")[0]
        raise DeadLetterError(
            f"{to} already has {len(missing)} of the messages; the first, {first[0]}, is {first[1]}"
        )


def _drop(letters: Sequence[DeadLetter], *, reason: str) -> None:
    """Let go of the letters, say why in front of their error, and let their groups go on."""
    why = Concat(Value(f"{reason}\n"), F("error"), output_field=TextField())
    DeadLetter.objects.filter(id__in=[letter.pk for letter in letters]).update(
        status=Receipt.Status.DROPPED, error=why, next_attempt_at=None
    )
    waiting: dict[str, set[str]] = defaultdict(set)
    for letter in letters:
        waiting[letter.subscription].add(letter.group_id)
    for name, group_ids in sorted(waiting.items()):
        _release(name, group_ids)


def _release(name: str, group_ids: set[str]) -> None:
    try:
        on_dead = topology.current().subscription(name).on_dead
    except ConfigurationError:
        return  # of a subscription that is gone nobody waits
    groups.release(subscription=name, groups=group_ids, on_dead=on_dead)
