"""Ask for quotes in the peer's own way: `python -m bench.peers.request --requests 100`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from uuid import UUID, uuid4

import django
from django.utils.module_loading import import_string

from bench.asking import names, offering
from bench.peers import celery_chord


def main(arguments: Sequence[str]) -> None:
    """Store each request, then send its chord."""
    django.setup()
    parser = ArgumentParser()
    offering.add_arguments(parser)
    options = parser.parse_args(arguments)
    rfqs = import_string("bench.asking.models.Rfq").objects

    def ask() -> UUID:
        asked = names.REQUEST
        rfq = rfqs.create(
            id=uuid4(),
            origin=asked["from"],
            destination=asked["to"],
            customer=asked["customer"],
        )
        celery_chord.scatter(str(rfq.id))
        made: UUID = rfq.id
        return made

    offering.offer(
        ask=ask,
        is_closed=lambda rfq: rfqs.filter(id=rfq, status="closed").exists(),
        requests=options.requests,
        one_at_a_time=options.one_at_a_time,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
