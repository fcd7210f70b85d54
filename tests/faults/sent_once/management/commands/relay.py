"""`manage.py relay` that trusts Redis: what it has put there is never looked for again."""

from typing import Any
from unittest import mock

from wildrydes.management.commands import relay
from wildrydes.relay import leases


class Command(relay.Command):
    """The kernel's relay, without leases and without epochs."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        with (
            mock.patch.object(leases, "let_all_wait_if_redis_lost_its_data", return_value=False),
            mock.patch.object(leases, "claim_lapsed", return_value=[]),
        ):
            super().handle(*args, **options)
