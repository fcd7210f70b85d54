"""What the probe does: keep a record of what was handled, or misbehave."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path

from django.db import connection

from wildrydes.envelope import Envelope

WORK = "work"
MIB = 1024 * 1024
ROOM = 256 * MIB

RECORD = """
INSERT INTO probe_probeeffect (subscription, message_id, group_id, position, previous)
SELECT %(subscription)s, %(message_id)s, %(group_id)s, %(position)s, coalesce(max(position), 0)
FROM probe_probeeffect WHERE subscription = %(subscription)s AND group_id = %(group_id)s
"""


class MisbehavingError(Exception):
    """Raised by a handler that was told to fail."""


def record(*, subscription: str, envelopes: Sequence[Envelope]) -> None:
    """Keep one row for each message, with what of its group was there before it."""
    with connection.cursor() as cursor:
        for envelope in envelopes:
            cursor.execute(
                RECORD,
                {
                    "subscription": subscription,
                    "message_id": envelope.id,
                    "group_id": envelope.group_id,
                    "position": envelope.position,
                },
            )


def behave(*, behaviour: str) -> None:
    """Do nothing for `work`; otherwise fail in the way that the name says."""
    match behaviour:
        case "raise":
            raise MisbehavingError("this message cannot be handled")
        case "exit":
            os._exit(3)
        case "hang":
            _hang()
        case "eat":
            _eat()


def _hang() -> None:
    while True:
        time.sleep(60)


def _eat() -> None:
    """Eat until there is no more: the address space gets a limit first, and keeps it."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))
    eaten = []
    while True:
        eaten.append(bytearray(MIB))
