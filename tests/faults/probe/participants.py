"""Participants of sagas: each step leaves an effect once, or misbehaves as its command says.

The subject is the key under which a participant remembers: another attempt at the same step bears
the same one. A step that was undone before it was done is never done.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection

from tests.faults.probe.messages import Command, DoStep, UndoStep
from tests.faults.probe.operations import MisbehavingError
from wildrydes import crashpoints
from wildrydes.answering import Answer, answered, declined, reply
from wildrydes.envelope import Envelope
from wildrydes.errors import Retry

SLOW_SECONDS = 0.05

# Two commands for the same step may be at work at once, one of them late; and everybody takes
# the locks of a batch in one order.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s || %s, 0))"
IS_UNDONE = """
SELECT EXISTS (
    SELECT FROM probe_stepeffect WHERE saga_id = %s AND step = %s AND is_undo
) AND NOT EXISTS (
    SELECT FROM probe_stepeffect WHERE saga_id = %s AND step = %s AND NOT is_undo
)
"""
RECORD = """
INSERT INTO probe_stepeffect (saga_id, step, is_undo, message_id, is_new)
SELECT %(saga)s, %(step)s, %(is_undo)s, %(message)s, NOT EXISTS (
    SELECT FROM probe_stepeffect WHERE saga_id = %(saga)s AND step = %(step)s
        AND is_undo = %(is_undo)s
)
"""


def do(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Do a step for each saga, as its command says."""
    return _behave_all([(item, DoStep.from_data(item.data)) for item in envelopes])


def undo(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Undo a step for each saga, as its command says."""
    return _behave_all([(item, UndoStep.from_data(item.data)) for item in envelopes])


def _behave_all(given: Sequence[tuple[Envelope, Command]]) -> list[Answer | None]:
    with connection.cursor() as cursor:
        for saga, step in sorted((command.saga, command.step) for _, command in given):
            cursor.execute(LOCK, [saga, step])
    return [_behave(envelope, command) for envelope, command in given]


def _behave(envelope: Envelope, command: Command) -> Answer | None:
    conduct, _, until = command.conduct.partition(":")
    if conduct == "refuse":
        return declined(f"{command.step} is refused")
    if conduct == "raise":
        raise MisbehavingError(f"{command.step} cannot be done")
    if conduct == "down" and (left := float(until) - time.time()) > 0:
        raise Retry(after=timedelta(seconds=left), reason=f"{command.step} is down")
    if conduct == "slow":
        time.sleep(SLOW_SECONDS)
    if not _act(envelope, command):
        return declined(f"{command.step} was undone before it came")
    done = answered({"by": str(envelope.id)})
    if conduct == "later":
        reply(to=envelope, responder="probe", answer=done)
    return None if conduct in ("later", "silent") else done


def _act(envelope: Envelope, command: Command) -> bool:
    """Leave the effect, around which the process may die as around one outside the database."""
    crashpoints.reach("outside.before")
    is_done = _record(envelope, command)
    crashpoints.reach("outside.after")
    return is_done


def _record(envelope: Envelope, command: Command) -> bool:
    """Leave the effect; say whether it may be there."""
    saga, step = command.saga, command.step
    is_undo = isinstance(command, UndoStep)
    with connection.cursor() as cursor:
        cursor.execute(IS_UNDONE, [saga, step, saga, step])
        if not is_undo and cursor.fetchone() == (True,):
            return False
        values = {"saga": saga, "step": step, "is_undo": is_undo, "message": envelope.id}
        cursor.execute(RECORD, values)
    return True
