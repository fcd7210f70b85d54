"""Taking turns: of several relays, one at a time routes and claims.

So positions are routed in order, and no group is sent twice at once. A relay that is stopped while
it has the turn loses it: Postgres ends its idle transaction after a few seconds.

Nobody waits until the disk has what a turn commits. If Postgres loses it, the messages are not
routed and will be sent again, which receipts absorb. Soon after Postgres was away turns are
durable: a message that makes Postgres crash is found by counting how often it was sent.

A plan may be a second old, made when nothing waited, and used when much does: a turn finds
everything by an index.
"""

from __future__ import annotations

from wildrydes import prepared

TAKE = """
SELECT pg_try_advisory_xact_lock(hashtextextended('wildrydes relay', 0)),
    set_config('idle_in_transaction_session_timeout', '3s', true),
    set_config('synchronous_commit', %s, true),
    set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)
"""


def take(*, durable: bool) -> bool:
    """Take the turn until the end of the transaction; say whether it was free.

    What is committed in it may be lost by a crash of Postgres unless it is to be `durable`.
    """
    row = prepared.execute(TAKE, ["on" if durable else "off"]).fetchone()
    assert row is not None
    return bool(row[0])
