"""`manage.py relay` without the thread that ends what is due."""

from typing import Any
from unittest import mock

from wildrydes.management.commands import relay
from wildrydes.relay import loop
from wildrydes.scatter_gather.timekeeper import Timekeeper


class Idle(Timekeeper):
    """A timekeeper that does not look at the clock."""

    def run(self) -> None:
        """End at once."""


class Command(relay.Command):
    """The kernel's relay, with a timekeeper that is idle."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        with mock.patch.object(loop, "Timekeeper", Idle):
            super().handle(*args, **options)
