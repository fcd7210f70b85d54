"""Taking turns: of several relays, one at a time routes and claims.

So positions are routed in order, and no group is sent twice at once. A relay that is stopped while
it has the turn loses it: Postgres ends its idle transaction after a few seconds.

Nobody waits until the disk has what a turn commits. If Postgres loses it, the messages are not
routed and will be sent again, which receipts absorb; what has come of them by then was committed
later, to the disk, and so the turn too.
"""

from __future__ import annotations

from wildrydes import prepared

TAKE = """
SELECT pg_try_advisory_xact_lock(hashtextextended('wildrydes relay', 0)),
    set_config('idle_in_transaction_session_timeout', '3s', true),
    set_config('synchronous_commit', 'off', true)
"""


def take() -> bool:
    """Take the turn until the end of the transaction; say whether it was free."""
    row = prepared.execute(TAKE, []).fetchone()
    assert row is not None
    return bool(row[0])
