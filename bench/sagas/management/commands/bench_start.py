"""`manage.py bench_start`: start sagas, many in one transaction or one after the other."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand
from django.db import transaction

from bench.sagas import names, offering
from wildrydes import saga
from wildrydes.models import Saga


class Command(BaseCommand):
    """Offer sagas as a service would start them."""

    help = "Start sagas for a benchmark."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take how many, and how."""
        offering.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Start them all."""
        offering.offer(
            start=_start,
            has_ended=_has_ended,
            sagas=options["sagas"],
            one_at_a_time=options["one_at_a_time"],
        )


@transaction.atomic
def _start(keys: Sequence[UUID]) -> None:
    saga.start_all([saga.Start(name=names.SAGA, key=str(key), input=names.INPUT) for key in keys])


def _has_ended(key: UUID) -> bool:
    ended = Saga.objects.filter(definition=names.SAGA, key=str(key), status="completed")
    return bool(ended.exists())
