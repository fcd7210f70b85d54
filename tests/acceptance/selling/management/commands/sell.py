"""`manage.py sell`: start a number of sagas in one transaction; print their ids as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import transaction

from wildrydes import saga
from wildrydes.saga import Start


class Command(BaseCommand):
    """Start, and go."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("prefix")
        parser.add_argument("--count", type=int, default=1)
        parser.add_argument("--declined", nargs="*", default=[])

    def handle(self, *args: Any, **options: Any) -> None:
        given = {"declined": options["declined"]}
        keys = [f"{options['prefix']}{number}" for number in range(options["count"])]
        with transaction.atomic():
            ids = saga.start_all([Start(name="sale", key=key, input=given) for key in keys])
        self.stdout.write(json.dumps([str(saga_id) for saga_id in ids]))
