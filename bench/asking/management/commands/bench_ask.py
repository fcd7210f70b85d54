"""`manage.py bench_ask`: ask the sixteen, each request in a transaction of its own."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.db import transaction

from bench.asking import names, offering
from wildrydes import scatter_gather
from wildrydes.models import Scatter
from wildrydes.outgoing import Plain


class Command(BaseCommand):
    """Offer requests as a web process would commit them."""

    help = "Ask for quotes for a benchmark."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how many, how, and until when each has to be answered."""
        offering.add_arguments(parser)
        parser.add_argument("--deadline", type=float, default=60.0, help="seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask for them all."""
        deadline = timedelta(seconds=options["deadline"])
        offering.offer(
            ask=lambda: _ask(deadline),
            is_closed=_is_closed,
            requests=options["requests"],
            one_at_a_time=options["one_at_a_time"],
        )


@transaction.atomic
def _ask(deadline: timedelta) -> UUID:
    request = Plain(names.REQUESTED, names.REQUEST)
    return scatter_gather.ask(request, gathering=names.GATHERING, deadline=deadline)


def _is_closed(scatter_id: UUID) -> bool:
    return Scatter.objects.filter(id=scatter_id, status=Scatter.Status.CLOSED).exists()
