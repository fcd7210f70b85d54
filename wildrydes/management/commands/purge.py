"""`manage.py purge`: remove old messages and receipts that nobody needs any more."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wildrydes import purging
from wildrydes.errors import ConfigurationError
from wildrydes.management import ages
from wildrydes.purging import Purged

BROKEN_OFF = 130


class Command(BaseCommand):
    """Purge in small batches; break off and go on at will."""

    help = (
        "Remove messages older than an age, with their receipts, where every receipt is done or "
        "let go of. What is unrouted, dispatched, retrying, parked, dead, part of a redrive, or "
        "awaits an answer, or that a service keeps, stays, however old. Sagas that ended before go "
        "with their histories. Each batch is a transaction of its own; may be "
        "broken off and run again. Exit status 0, 1 when it is refused, 130 when broken off."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add how old, how much at once, and how to tell."""
        parser.add_argument(
            "--older-than", default="90d", metavar="AGE", help=f"{ages.FORMS} (default: 90d)"
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=purging.BATCH,
            metavar="N",
            help="messages in one transaction (default: %(default)s)",
        )
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object: counts, and seconds"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Purge, and say what went."""
        purged, whole, started = Purged(), True, time.perf_counter()
        try:
            for step in purging.purge(
                older_than=ages.read(options["older_than"], option="--older-than"),
                batch_size=options["batch_size"],
                dry_run=options["dry_run"],
            ):
                purged = step
        except ConfigurationError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            whole = False
        self._tell(purged, options, seconds=time.perf_counter() - started)
        if not whole:
            self.stderr.write("Broken off. Run it again to go on.")
            sys.exit(BROKEN_OFF)

    def _tell(self, purged: Purged, options: dict[str, Any], *, seconds: float) -> None:
        if options["json"]:
            counts = {**dataclasses.asdict(purged), "dry_run": options["dry_run"]}
            self.stdout.write(json.dumps({**counts, "seconds": round(seconds, 3)}))
            return
        verb = "would go" if options["dry_run"] else "gone"
        self.stdout.write(
            f"{purged.messages} messages, {purged.receipts} receipts and {purged.sagas} sagas "
            f"{verb}; "
            f"{purged.kept} old messages stay, for somebody needs them"
        )
