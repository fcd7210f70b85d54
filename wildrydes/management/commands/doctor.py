"""`manage.py doctor`: is anything stuck?"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from wildrydes import doctor
from wildrydes.doctor import Finding

FINE, WRONG, COULD_NOT_LOOK = 0, 1, 2


class Command(BaseCommand):
    """Look for what is stuck, for people and for monitors."""

    help = (
        "Look for messages that are stuck and for subscriptions that nobody serves, with count and "
        "age. Exit status 0 when all is well, 1 when something is wrong, 2 when it could not look."
    )
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the form of the answer, and what counts as stuck."""
        parser.add_argument("--json", action="store_true", help="print JSON instead of text")
        parser.add_argument(
            "--max-age",
            type=float,
            default=60.0,
            metavar="SECONDS",
            help="what waits for longer is wrong (default %(default)g)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was found and end with the status that says how it is."""
        if options["max_age"] < 0:
            raise CommandError("--max-age must not be negative", returncode=COULD_NOT_LOOK)
        try:
            findings = doctor.examine(max_age=timedelta(seconds=options["max_age"]))
        except DatabaseError as error:
            reason = str(error).strip()
            raise CommandError(f"could not look: {reason}", returncode=COULD_NOT_LOOK) from error
        wrong = any(finding.wrong for finding in findings)
        if options["json"]:
            told = {"ok": not wrong, "findings": [_as_json(finding) for finding in findings]}
            self.stdout.write(json.dumps(told, indent=2))
        else:
            for finding in findings:
                self.stdout.write(_line(finding))
        sys.exit(WRONG if wrong else FINE)


def _line(finding: Finding) -> str:
    state = "WRONG" if finding.wrong else "ok"
    count = f"{finding.count}{'+' if finding.at_least else ''}"
    age = f", oldest {_seconds(finding):.0f} s" if finding.oldest is not None else ""
    whose = f" ({', '.join(sorted(finding.by_subscription))})" if finding.by_subscription else ""
    meaning = f"\n       {finding.means}" if finding.wrong else ""
    return f"{state:5}  {finding.name}: {count}{age}{whose}{meaning}"


def _as_json(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "wrong": finding.wrong,
        "count": finding.count,
        "at_least": finding.at_least,
        "oldest_seconds": None if finding.oldest is None else round(_seconds(finding), 3),
        "by_subscription": dict(finding.by_subscription),
        "means": finding.means,
    }


def _seconds(finding: Finding) -> float:
    return finding.oldest.total_seconds() if finding.oldest is not None else 0.0
