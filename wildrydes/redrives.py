"""Canary redrive: dead letters are replayed one, then ten, then the rest, while they succeed.

Guarantee: a selection is frozen when it is made; each letter of it is sent at most once and gets
one attempt; nothing more is sent once letters have failed again beyond what is allowed, nor while
the redrive is paused. All state is in tables: whoever advances a redrive next goes on where the
last one was, and two at once do not send anything twice.
Does not guarantee: that what is already in work when a redrive halts is held back. The first two
stages put one and ten letters at risk; the last keeps at most a few seconds' worth in work.
Source: Hohpe and Woolf, Dead Letter Channel; canary releases, Sato.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Any

import structlog
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from wildrydes import topology
from wildrydes.models import Redrive
from wildrydes.models.redrives import RedriveItem

log = structlog.get_logger(__name__)

Stage = Redrive.Stage
State = Redrive.State
Outcome = RedriveItem.Outcome

CANARY_SIZES = {Stage.ONE: 1, Stage.TEN: 10}
NEXT_STAGE = {Stage.ONE: Stage.TEN, Stage.TEN: Stage.REST}

# Below so many settled letters a share says nothing.
SAMPLE = 20
# What the rate allowed while nobody was there to send is made up for only so far back.
CATCH_UP = timedelta(seconds=5)
# So many seconds' worth may be in work: a consumer that is down stops its redrive.
IN_WORK_SECONDS = 5
IN_WORK_AT_LEAST = 10

# Each letter gets the attempts that leave it one. Receipts in order of id, as everywhere.
SEND = """
WITH chosen AS (
    SELECT item.id, item.receipt_id, slot.at
    FROM unnest(%(slots)s::timestamptz[]) WITH ORDINALITY AS slot (at, place)
    JOIN (
        SELECT id, receipt_id, row_number() OVER (ORDER BY number) AS place FROM (
            SELECT id, receipt_id, number FROM wildrydes_redriveitem
            WHERE redrive_id = %(redrive)s AND outcome = 'waiting'
            ORDER BY number LIMIT %(count)s
        ) AS next
    ) AS item USING (place)
), dead AS (
    SELECT receipt.id, policy.attempts
    FROM wildrydes_receipt AS receipt JOIN chosen ON chosen.receipt_id = receipt.id
    JOIN unnest(%(subscriptions)s::text[], %(attempts)s::int[])
        AS policy (subscription, attempts) ON policy.subscription = receipt.subscription
    WHERE receipt.status = 'dead' ORDER BY receipt.id FOR UPDATE OF receipt
), sent AS (
    UPDATE wildrydes_receipt AS receipt
    SET status = 'retrying', attempts = dead.attempts, starts = 0, next_attempt_at = now()
    FROM dead WHERE receipt.id = dead.id RETURNING receipt.id, receipt.attempts
)
UPDATE wildrydes_redriveitem AS item
SET outcome = CASE WHEN sent.id IS NULL THEN 'skipped' ELSE 'sent' END,
    stage = %(stage)s, attempts = coalesce(sent.attempts, 0), released_at = chosen.at
FROM chosen LEFT JOIN sent ON sent.id = chosen.receipt_id
WHERE item.id = chosen.id
RETURNING item.outcome
"""

SETTLE = """
WITH seen AS (
    SELECT item.id, coalesce(receipt.error, '') AS error, CASE
        WHEN receipt.id IS NULL THEN 'skipped'
        WHEN receipt.status IN ('done', 'dropped') THEN receipt.status
        WHEN receipt.status = 'dead' THEN 'failed'
        WHEN receipt.status = 'retrying' AND receipt.attempts > item.attempts THEN 'failed'
    END AS outcome
    FROM wildrydes_redriveitem AS item
    LEFT JOIN wildrydes_receipt AS receipt ON receipt.id = item.receipt_id
    WHERE item.redrive_id = %s AND item.outcome = 'sent'
)
UPDATE wildrydes_redriveitem AS item
SET outcome = seen.outcome, settled_at = clock_timestamp(),
    error = CASE WHEN seen.outcome = 'failed' THEN left(seen.error, 500) ELSE '' END
FROM seen WHERE item.id = seen.id AND seen.outcome IS NOT NULL
RETURNING item.outcome
"""


def advance() -> bool:
    """Take every redrive as far as it can go now; return whether anything was done.

    Call it outside a transaction, as often as you like, from as many processes as you like: what
    another one is advancing is passed over. Never waits.
    """
    live = Redrive.objects.filter(Q(state=State.RUNNING) | Q(in_work__gt=0))
    moved = [_advance(key) for key in live.order_by("id").values_list("id", flat=True)]
    return any(moved)


def enter(redrive: Redrive, *, stage: Redrive.Stage, now: datetime) -> None:
    """Put the redrive at the start of a stage. The caller saves it."""
    redrive.stage = stage
    redrive.stage_sent = redrive.stage_settled = redrive.stage_failed = 0
    redrive.next_slot_at = now


def _advance(redrive_id: int) -> bool:
    with transaction.atomic():
        mine = Redrive.objects.select_for_update(skip_locked=True).annotate(now=Now())
        redrive = mine.filter(id=redrive_id).first()
        if redrive is None:
            return False
        settled = _settle(redrive)
        moved = redrive.state == State.RUNNING and _step(redrive, now=redrive.now)
        if settled or moved:
            redrive.save()
    return settled or moved


def _settle(redrive: Redrive) -> bool:
    """Note what became of the letters that are in work; say whether any has come to an end."""
    if not redrive.in_work:
        return False
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, [redrive.pk])
        outcomes = [outcome for (outcome,) in cursor.fetchall()]
    redrive.in_work -= len(outcomes)
    redrive.stage_settled += len(outcomes)
    redrive.stage_failed += outcomes.count(Outcome.FAILED)
    _count(redrive, outcomes)
    return bool(outcomes)


def _step(redrive: Redrive, *, now: datetime) -> bool:
    """Do the next thing: halt, send, end, or enter the next stage; say whether there was one."""
    if reason := _reason_to_halt(redrive):
        _end(redrive, State.HALTED, reason=reason, now=now)
    elif redrive.waiting and (slots := _slots(redrive, now=now)):
        _send(redrive, slots)
    elif redrive.in_work:
        return False
    elif not redrive.waiting:
        _end(redrive, State.FINISHED, reason="", now=now)
    elif redrive.stage == Stage.REST:
        return False
    else:
        enter(redrive, stage=NEXT_STAGE[Stage(redrive.stage)], now=now)
    return True


def _reason_to_halt(redrive: Redrive) -> str:
    failed, settled = redrive.stage_failed, redrive.stage_settled
    what = f"{failed} of {settled} failed again in the stage {redrive.stage!s}"
    if redrive.stage in CANARY_SIZES:
        return what if failed > redrive.canary_failures else ""
    if failed > redrive.rest_failure_share * max(settled, SAMPLE):
        return f"{what}, more than {redrive.rest_failure_share:.0%}"
    return ""


def _slots(redrive: Redrive, *, now: datetime) -> list[datetime]:
    """Return the moments of the letters that may be sent now, one for each."""
    if redrive.stage in CANARY_SIZES:
        return [now] * (CANARY_SIZES[Stage(redrive.stage)] - redrive.stage_sent)
    first = max(redrive.next_slot_at or now, now - CATCH_UP)
    if first > now:
        return []
    due = int((now - first).total_seconds() * redrive.rate) + 1
    most_in_work = max(IN_WORK_AT_LEAST, ceil(redrive.rate * IN_WORK_SECONDS))
    count = max(0, min(due, redrive.waiting, most_in_work - redrive.in_work))
    return [first + timedelta(seconds=place / redrive.rate) for place in range(count)]


def _send(redrive: Redrive, slots: list[datetime]) -> None:
    policies = topology.current().subscriptions
    values: dict[str, Any] = {
        "redrive": redrive.pk,
        "stage": redrive.stage,
        "slots": slots,
        "count": len(slots),
        "subscriptions": [entry.name for entry in policies],
        "attempts": [entry.retry.max_attempts - 1 for entry in policies],
    }
    with connection.cursor() as cursor:
        cursor.execute(SEND, values)
        outcomes = [outcome for (outcome,) in cursor.fetchall()]
    sent = outcomes.count(Outcome.SENT)
    redrive.in_work += sent
    redrive.stage_sent += sent
    redrive.next_slot_at = slots[-1] + timedelta(seconds=1 / redrive.rate)
    _count(redrive, outcomes)


def _count(redrive: Redrive, outcomes: list[str]) -> None:
    redrive.done += outcomes.count(Outcome.DONE)
    redrive.failed += outcomes.count(Outcome.FAILED)
    redrive.dropped += outcomes.count(Outcome.DROPPED)
    redrive.skipped += outcomes.count(Outcome.SKIPPED)


def _end(redrive: Redrive, state: Redrive.State, *, reason: str, now: datetime) -> None:
    redrive.state, redrive.reason, redrive.ended_at = state, reason, now
    log.info("redrive_ended", redrive=redrive.pk, state=str(state), reason=reason)
