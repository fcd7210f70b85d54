"""`manage.py bench_publish`: write ride completions to the log, before anything takes them."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand
from django.db import transaction

from bench.service.operations import in_chunks
from bench.subscribers import RIDES, SINGLE_RIDES
from wildrydes import publishing

CHUNK = 1000


class Command(BaseCommand):
    """Publish events in transactions of a thousand."""

    help = "Publish ride completions for a benchmark."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how many, and for which handlers."""
        parser.add_argument("--events", type=int, required=True)
        parser.add_argument("--singly", action="store_true", help="for one-message handlers")

    def handle(self, *args: Any, **options: Any) -> None:
        """Publish them all."""
        type_ = SINGLE_RIDES if options["singly"] else RIDES
        for chunk in in_chunks(options["events"], size=CHUNK):
            with transaction.atomic():
                publishing.publish_all([_outgoing(type_, number) for number in chunk])


def _outgoing(type_: str, number: int) -> publishing.Outgoing:
    completion, customer = str(uuid4()), f"customer-{number % 1000}"
    data = {
        "ride_completion": completion,
        "ride": None,
        "from": "Berlin",
        "to": "Frankfurt",
        "duration": 420,
        "distance": 600,
        "customer": customer,
        "fare": 256.5,
        "currency": "EUR",
        "fleet": "cape-town",
        "completed_at": "2026-11-21T12:00:00+00:00",
    }
    body = publishing.Plain(type_, data)
    return publishing.Outgoing(body=body, subject=completion, group_id=customer)
