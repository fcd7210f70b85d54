"""Start sagas in the peer's own way: `… bench.peers.start with_dbos --sagas 100`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence

import django
from django.utils.module_loading import import_string

from bench.sagas import offering


def main(arguments: Sequence[str]) -> None:
    """Start as many as are asked for."""
    django.setup()
    parser = ArgumentParser()
    parser.add_argument("peer", help="its module in bench.peers")
    offering.add_arguments(parser)
    options = parser.parse_args(arguments)
    statuses = import_string("bench.sagas.models.Status").objects
    offering.offer(
        start=import_string(f"bench.peers.{options.peer}.start"),
        has_ended=lambda saga: statuses.filter(id=saga, status="completed").exists(),
        sagas=options.sagas,
        one_at_a_time=options.one_at_a_time,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
