"""What operators do with canary redrives: start, pause, resume and cancel them.

How one goes on by itself stands in `wildrydes.redrives`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models.functions import Now

from wildrydes import redrives
from wildrydes.dead_letters import operations, reading
from wildrydes.errors import DeadLetterError
from wildrydes.models import OperatorAction, Redrive
from wildrydes.relay import wakeup

State = Redrive.State
DEFAULT_RATE = 10.0
HIGHEST_RATE = 10_000.0
NOTHING_LEFT = "none of them is a dead letter that can be redriven, or another redrive has them"

# What another redrive is about to send, or is sending, is left to it.
FREEZE = """
INSERT INTO wildrydes_redriveitem
    (redrive_id, number, receipt_id, subscription, message_id, outcome, stage, attempts, error)
SELECT %s, row_number() OVER (ORDER BY id), id, subscription, message_id, 'waiting', '', 0, ''
FROM wildrydes_receipt AS receipt WHERE id = ANY(%s) AND NOT EXISTS (
    SELECT 1 FROM wildrydes_redriveitem AS item
    JOIN wildrydes_redrive AS other ON other.id = item.redrive_id
    WHERE item.receipt_id = receipt.id AND item.outcome IN ('waiting', 'sent')
        AND other.state IN ('running', 'paused')
)
"""


def start(
    *,
    ids: Sequence[int],
    by: str,
    rate: float = DEFAULT_RATE,
    canary_failures: int = 0,
    rest_failure_share: float = 0.1,
    selection: Mapping[str, Any] | None = None,
) -> Redrive:
    """Freeze the selection and start to replay it: one, then ten, then the rest at `rate` a second.

    Left out are letters that cannot be read and those of another redrive that is running or
    paused. `selection` is what the person asked for, for the record. Raises `DeadLetterError`
    when nothing is left, or for a rate that makes no sense.
    """
    if not 0 < rate <= HIGHEST_RATE:
        raise DeadLetterError(f"the rate has to be above 0 and at most {HIGHEST_RATE:g} a second")
    with transaction.atomic():
        found = reading.sort(operations.lock(ids))
        redrive = Redrive.objects.create(
            rate=rate,
            canary_failures=canary_failures,
            rest_failure_share=rest_failure_share,
            selection=dict(selection or {}),
            started_by=by,
        )
        redrive.size = _freeze(redrive, [letter.pk for letter in found.ready])
        if not redrive.size:
            raise DeadLetterError("; ".join([NOTHING_LEFT, *found.reasons]))
        redrive.save(update_fields=["size"])
        _record(redrive, by=by, action="start canary redrive", size=redrive.size, rate=rate)
    return redrive


def pause(*, redrive_id: int, by: str) -> Redrive:
    """Send nothing more for now; what is in work goes on. Only a running redrive can be paused."""
    return _move(redrive_id, by=by, action="pause", allowed={State.RUNNING}, to=State.PAUSED)


def resume(*, redrive_id: int, by: str) -> Redrive:
    """Go on with a paused redrive where it was, or with a halted one from its first stage.

    What failed before stays a dead letter and is not part of it any more.
    """
    allowed = {State.PAUSED, State.HALTED}
    return _move(redrive_id, by=by, action="resume", allowed=allowed, to=State.RUNNING)


def cancel(*, redrive_id: int, by: str) -> Redrive:
    """End a redrive; letters that were not sent stay dead letters. What is in work goes on."""
    allowed = {State.RUNNING, State.PAUSED, State.HALTED}
    return _move(redrive_id, by=by, action="cancel", allowed=allowed, to=State.CANCELLED)


def _freeze(redrive: Redrive, ids: Sequence[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(FREEZE, [redrive.pk, list(ids)])
        return int(cursor.rowcount)


def _move(
    redrive_id: int, *, by: str, action: str, allowed: Collection[str], to: Redrive.State
) -> Redrive:
    with transaction.atomic():
        rows = Redrive.objects.select_for_update().annotate(now=Now())
        redrive = rows.filter(id=redrive_id).first()
        if redrive is None:
            raise DeadLetterError(f"there is no redrive {redrive_id}")
        if redrive.state not in allowed:
            raise DeadLetterError(
                f"redrive {redrive_id} is {redrive.state}; cannot {action} it, "
                f"only one that is {' or '.join(sorted(allowed))}"
            )
        if redrive.state == State.HALTED and to == State.RUNNING:
            redrives.enter(redrive, stage=Redrive.Stage.ONE, now=redrive.now)
        redrive.next_slot_at = redrive.now
        redrive.reason = "" if to == State.RUNNING else redrive.reason
        redrive.state = to
        redrive.ended_at = redrive.now if to == State.CANCELLED else None
        redrive.save()
        _record(redrive, by=by, action=f"{action} canary redrive")
    return redrive


def _record(redrive: Redrive, *, by: str, action: str, **detail: Any) -> None:
    told = {"redrive": redrive.pk, "selection": redrive.selection, **detail}
    OperatorAction.objects.create(by=by, action=action, detail=told)
    wakeup.notify()
