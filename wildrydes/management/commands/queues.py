"""`manage.py queues`: how each queue stands, and how much it hands out a second."""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder

from wildrydes import queue_limits
from wildrydes.errors import QueueLimitError
from wildrydes.queue_limits import QueueState


class Command(BaseCommand):
    """List queues; limit what one hands out a second, lift that, or go back to the topology."""

    help = (
        "Look at the queues of this database, and change how many messages a second one hands out. "
        "A change is seen by running relays at once, stays until it is changed again, and is on "
        "record with --by. Exit status 1 when a command is refused."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add one parser for each thing to do."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        _parser(actions, "list", "list the queues: limit, messages that wait, open dispatches")
        limit = _add_change(actions, "limit", "let a queue hand out so many messages a second")
        limit.add_argument("rate", type=float, metavar="RATE", help="messages a second")
        _add_change(actions, "unlimit", "let a queue hand out whatever its workers take")
        _add_change(actions, "restore", "let the topology say again how much a queue hands out")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        try:
            getattr(self, f"_{options['action']}")(options)
        except QueueLimitError as error:
            raise CommandError(str(error)) from error

    def _list(self, options: dict[str, Any]) -> None:
        self._tell(options, queue_limits.overview())

    def _limit(self, options: dict[str, Any]) -> None:
        queue_limits.limit(per_second=options["rate"], **_given(options))
        self._tell_what_holds(options)

    def _unlimit(self, options: dict[str, Any]) -> None:
        queue_limits.unlimit(**_given(options))
        self._tell_what_holds(options)

    def _restore(self, options: dict[str, Any]) -> None:
        queue_limits.restore(**_given(options))
        self._tell_what_holds(options)

    def _tell_what_holds(self, options: dict[str, Any]) -> None:
        self._tell(options, [s for s in queue_limits.overview() if s.name == options["queue"]])

    def _tell(self, options: dict[str, Any], states: Sequence[QueueState]) -> None:
        if options["json"]:
            told = [asdict(state) for state in states]
            self.stdout.write(json.dumps(told, indent=2, cls=DjangoJSONEncoder))
            return
        widest = max((len(state.name) for state in states), default=0)
        for state in states:
            self.stdout.write(f"{state.name:{widest}}  {_line(state)}")


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("queue", "by", "reason")}


def _line(state: QueueState) -> str:
    holds = "no limit" if state.per_second is None else f"{state.per_second:g} a second"
    by = f" (by {state.changed_by})" if state.changed_at else ""
    age = "" if state.waits_seconds is None else f" for {state.waits_seconds:.0f} s"
    return f"{holds}{by}, {state.waiting} waiting{age}, {state.open} open"


def _add_change(actions: Any, name: str, meaning: str) -> Any:
    parser = _parser(actions, name, meaning)
    parser.add_argument("queue", metavar="QUEUE", help="its name")
    parser.add_argument("--reason", default="", help="why; kept on record")
    parser.add_argument(
        "--by", default=getpass.getuser(), help="who does it, for the record (default: you)"
    )
    return parser


def _parser(actions: Any, name: str, meaning: str) -> Any:
    parser = actions.add_parser(name, help=meaning, description=f"{meaning.capitalize()}.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser
