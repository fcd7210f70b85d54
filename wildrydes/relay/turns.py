"""Taking turns: of several relays, one at a time routes and claims.

So positions are routed in order, and no group is sent twice at once. A relay that is stopped while
it has the turn loses it: Postgres ends its idle transaction after a few seconds.
"""

from __future__ import annotations

from django.db import connection

TAKE = """
SELECT pg_try_advisory_xact_lock(hashtextextended('wildrydes relay', 0)),
    set_config('idle_in_transaction_session_timeout', '3s', true)
"""


def take() -> bool:
    """Take the turn until the end of the transaction; say whether it was free."""
    with connection.cursor() as cursor:
        cursor.execute(TAKE)
        row = cursor.fetchone()
    assert row is not None
    return bool(row[0])
