"""Django's backend for Postgres, but that a kept connection is checked without asking the server.

Guarantee: a connection that the server has ended, or that was not used for `IDLE_SECONDS`, is
asked for a sign of life before a request or task uses it, and replaced when it gives none.
Does not guarantee: anything of a connection that ends while it is used; that is an error, after
which Django asks anyway.
"""

from __future__ import annotations

import select
import time

from django.db.backends.postgresql import base

IDLE_SECONDS = 5.0


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that looks at its socket before it is used again.

    When the server ends a connection it says so, and closes it: there is something to read where
    nothing was asked. Where there is nothing, and a moment ago an answer came, a question would
    cost a round trip for each request and tell nothing new.
    """

    health_check_enabled: bool
    health_check_done: bool
    _used_at = 0.0

    def connect(self) -> None:
        """Connect, and note when."""
        super().connect()
        self._used_at = time.monotonic()

    def close_if_health_check_failed(self) -> None:
        """Close a connection that is due to be checked and does not work."""
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        idle = time.monotonic() - self._used_at
        if idle < IDLE_SECONDS and self._is_quiet():
            self.health_check_done = True
        else:
            super().close_if_health_check_failed()
        self._used_at = time.monotonic()

    def _is_quiet(self) -> bool:
        if self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
