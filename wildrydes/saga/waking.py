"""Timeouts: sagas whose time has come are woken, by the database's clock.

Guarantee: what nobody answered in its time is given up or tried again, by any of the relays that
run, once. Nothing of it is held in a worker or in Redis.
Does not guarantee: the moment; it is looked for about four times a second.
"""

from __future__ import annotations

from django.db import transaction

from wildrydes.saga import advancing, rows
from wildrydes.saga.happenings import Woken

WOKEN_AT_ONCE = 500


def wake_due(*, limit: int = WOKEN_AT_ONCE) -> int:
    """Wake up to `limit` sagas whose time has come; count them.

    Any number of processes may call it at once. What someone else has in hand is left to them.
    """
    with transaction.atomic():
        due = rows.claim_due(limit=limit)
        advancing.advance(due, {row.state.saga: [Woken()] for row in due})
    return len(due)
