"""`manage.py replay`: send history again, to one subscription."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wildrydes import replay
from wildrydes.errors import ReplayError
from wildrydes.management import moments
from wildrydes.replay import Progress, Selection

TOLD_EVERY_SECONDS = 1.0
BROKEN_OFF = 130


class Command(BaseCommand):
    """Replay messages of the log; break off and go on at will."""

    help = (
        "Send messages of the log again to one subscription, marked as replayed: those that it "
        "wants and has no receipt for, which fills gaps and gives a new subscription its past. "
        "Handlers with effects outside the database let replays through only if they say so. May "
        "be broken off; run it again and it goes on. Progress goes to standard error. Exit status "
        "0 when everything is on its way, 1 when it is refused, 130 when it was broken off."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what selects messages, and how to go about it."""
        parser.add_argument("--subscription", required=True, help="who gets them")
        parser.add_argument("--since", required=True, metavar="WHEN", help=f"from: {moments.FORMS}")
        parser.add_argument("--until", metavar="WHEN", help="until before that (default: now)")
        parser.add_argument(
            "--type", action="append", default=[], metavar="TYPE", help="only this; may be repeated"
        )
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")
        parser.add_argument(
            "--again",
            action="store_true",
            help="also those that it is done with: their receipts are forgotten, and they take "
            "effect once more",
        )
        parser.add_argument(
            "--done-before",
            metavar="WHEN",
            help="with --again: only if they were done before that (default: now); goes on with "
            "what was broken off",
        )
        parser.add_argument(
            "--ahead",
            type=int,
            default=replay.AHEAD,
            metavar="N",
            help="let at most about N wait for the queue at a time (default %(default)s)",
        )
        parser.add_argument(
            "--by", default=getpass.getuser(), help="who does it, for the record (default: you)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Replay, and say how it goes."""
        selection = _selection(options)
        self._warn_of_fence(selection)
        try:
            progress = self._run(selection, options)
        except ReplayError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self._say_how_to_go_on(selection)
            sys.exit(BROKEN_OFF)
        verb = "would be sent" if options["dry_run"] else "sent"
        self.stdout.write(f"{progress.sent} messages {verb}, of {progress.looked_at} looked at")

    def _run(self, selection: Selection, options: dict[str, Any]) -> Progress:
        progress, told_at = Progress(), time.monotonic()
        steps = replay.replay(
            selection, by=options["by"], dry_run=options["dry_run"], ahead=options["ahead"]
        )
        for progress in steps:
            if time.monotonic() - told_at >= TOLD_EVERY_SECONDS:
                self._tell(progress)
                told_at = time.monotonic()
        return progress

    def _tell(self, progress: Progress) -> None:
        state = ", waiting for the workers" if progress.waiting else ""
        self.stderr.write(
            f"position {progress.position} of {progress.last}: {progress.looked_at} looked at, "
            f"{progress.sent} sent{state}"
        )

    def _warn_of_fence(self, selection: Selection) -> None:
        if replay.is_fenced(selection.subscription):
            self.stderr.write(
                f"{selection.subscription} is fenced: what is replayed is recorded as dropped"
            )

    def _say_how_to_go_on(self, selection: Selection) -> None:
        again = f" and --done-before {selection.done_before.isoformat()}" if selection.again else ""
        self.stderr.write(f"Broken off. To go on, run it again with the same options{again}.")


def _selection(options: dict[str, Any]) -> Selection:
    now = replay.database_now()
    if options["done_before"] and not options["again"]:
        raise CommandError("--done-before needs --again")
    if options["ahead"] < 1:
        raise CommandError("--ahead must be at least 1")
    return Selection(
        subscription=options["subscription"],
        since=moments.read(options["since"], option="--since"),
        until=_moment_or(now, options["until"], option="--until"),
        types=tuple(options["type"]),
        again=options["again"],
        done_before=_moment_or(now, options["done_before"], option="--done-before"),
    )


def _moment_or(default: datetime, text: str | None, *, option: str) -> datetime:
    return moments.read(text, option=option) if text else default
