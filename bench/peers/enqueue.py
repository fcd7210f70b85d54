"""Put events into a peer's queues in the peer's own way: `python -m bench.peers.enqueue 2000`."""

from __future__ import annotations

import sys

import django
from django.conf import settings
from django.utils.module_loading import import_string


def main(events: int) -> None:
    """Announce as many events, each to five tasks."""
    django.setup()
    announce = import_string(f"bench.peers.{settings.PEER}.announce")
    for number in range(1, events + 1):
        announce(f"{number:032x}", f"customer-{number % 1000}", "256.50")


if __name__ == "__main__":
    main(int(sys.argv[1]))
