"""`manage.py ask`: ask a number of questions, one transaction each; print their ids as JSON."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from tests.acceptance.gathering.messages import Question
from tests.acceptance.gathering.topology import GATHERING
from wildrydes import scatter_gather


class Command(BaseCommand):
    """Ask, and go."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--count", type=int, default=1)
        parser.add_argument("--deadline", type=float, default=30.0)
        parser.add_argument("--every", type=float, default=0.0)
        parser.add_argument("--silent", nargs="*", default=[])

    def handle(self, *args: Any, **options: Any) -> None:
        ids = []
        for _ in range(options["count"]):
            with transaction.atomic():
                ids.append(
                    scatter_gather.ask(
                        Question(options["silent"]),
                        gathering=GATHERING,
                        deadline=timedelta(seconds=options["deadline"]),
                    )
                )
            time.sleep(options["every"])
        self.stdout.write(json.dumps([str(scatter_id) for scatter_id in ids]))
