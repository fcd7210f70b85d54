"""Who else is there: `python -m bench.load.bystanders PORT CUSTOMER UNICORN STREAMS RIDES`.

So many event streams of requests that stay open, and so many rides a second. Says `ready` when
all streams stand, and how many still do when its input ends. In a process of its own, so that it
does not delay the clock of whoever measures.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence

from bench.load.generators import open_loop
from bench.load.requests import Target
from bench.load.streams import Asker, Crowd, Stream

STREAMS_OF_A_REQUEST = 10
LONGEST_DEADLINE = 60  # seconds
SLOW_SECONDS = 5.0
LOOK_SECONDS = 0.2
WHOLE_RUN = 600.0


def main(port: int, customer: str, unicorn: str, streams: int, rides: float) -> None:
    """Stand by until the input ends."""
    crowd = Crowd()
    requests = _that_stay_open(port, customer, count=-(-streams // STREAMS_OF_A_REQUEST))
    for number in range(streams):
        stream = Stream(port, customer)
        stream.open(requests[number % len(requests)])
        crowd.add(stream)
        crowd.read(seconds=0)
    if rides:
        threading.Thread(target=_submit, args=(port, unicorn, rides), daemon=True).start()
    time.sleep(LOOK_SECONDS)
    print("ready", flush=True)
    over = threading.Event()
    threading.Thread(target=_wait_for_end, args=(over,), daemon=True).start()
    while not over.is_set():
        crowd.read(seconds=LOOK_SECONDS)
    print(len(crowd), flush=True)


def _wait_for_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def _that_stay_open(port: int, customer: str, *, count: int) -> Sequence[str]:
    """Return requests that some fleet leaves without an answer, so that only time closes them."""
    asker = Asker(port, customer, deadline=LONGEST_DEADLINE)
    asked = [asker.ask() for _ in range(count + count // 4 + 1)]
    time.sleep(SLOW_SECONDS)
    return [rfq for rfq in asked if asker.is_open(rfq)][:count]


def _submit(port: int, unicorn: str, rides: float) -> None:
    requests = Target(port, unicorn).rides()
    open_loop(port, requests, rate=rides, seconds=WHOLE_RUN, connections=4)


if __name__ == "__main__":
    _, port_, customer_, unicorn_, streams_, rides_ = sys.argv
    main(int(port_), customer_, unicorn_, int(streams_), float(rides_))
