"""Idempotent Request: what bears a key is carried out once, and answered the same ever after.

Guarantee: of the requests with one key, the first that commits is the only one within the window,
however many come at once; its answer commits with its effect, or neither does. A rollback frees
the key.
Does not guarantee: anything after the window, or without a key.
Source: IETF, The Idempotency-Key HTTP Header Field; Hohpe and Woolf, Idempotent Receiver.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection

from wildrydes import crashpoints, prepared
from wildrydes.conf import kernel_settings
from wildrydes.errors import WildRydesError

PURGED_AT_ONCE = 5_000

# Whoever comes second while the first is under way gets no lock and no row, and is told so at
# once: to wait for the row would hold a thread for as long as the first takes.
CLAIM = """
INSERT INTO wildrydes_idempotencykey AS kept (digest, request, status, location, body, expires_at)
SELECT %s::bytea, %s::bytea, 0, '', '', clock_timestamp() + %s::interval
WHERE pg_try_advisory_xact_lock(%s::bigint)
ON CONFLICT (digest) DO UPDATE SET request = excluded.request, expires_at = excluded.expires_at
    WHERE kept.expires_at <= clock_timestamp()
RETURNING 1
"""

KEPT = """
SELECT request, status, location, body FROM wildrydes_idempotencykey
WHERE digest = %s::bytea AND expires_at > clock_timestamp()
"""

KEEP = """
UPDATE wildrydes_idempotencykey SET status = %s::int, location = %s::text, body = %s::text
WHERE digest = %s::bytea
"""

PURGE = """
DELETE FROM wildrydes_idempotencykey WHERE digest IN (
    SELECT digest FROM wildrydes_idempotencykey WHERE expires_at <= clock_timestamp()
    ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


class UnderWayError(WildRydesError):
    """The first request with this key has not ended yet."""


class OtherRequestError(WildRydesError):
    """The key belongs to a request that asked for something else."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was answered: an HTTP status, where the new thing is, and the body."""

    status: int
    location: str
    body: str


def claim(*, digest: bytes, request: bytes) -> Answer | None:
    """Return what the first request with this key was answered; None where this is the first.

    Both are SHA-256 digests: `digest` of the key and its scope, `request` of what is asked. Must
    run inside the transaction that carries the request out, and never waits for another. Raises
    `UnderWayError` and `OtherRequestError`.
    """
    window: Any = kernel_settings().idempotency_window
    lock = int.from_bytes(digest[:8], signed=True)
    if prepared.execute(CLAIM, [digest, request, window, lock]).fetchone() is not None:
        return None
    row = prepared.execute(KEPT, [digest]).fetchone()
    if row is None:
        raise UnderWayError("the first request with this key is under way")
    first, status, location, body = row
    if bytes(first) != request:
        raise OtherRequestError("the key belongs to another request")
    return Answer(status=status, location=location, body=body)


def keep(answer: Answer, *, digest: bytes) -> None:
    """Keep the answer to the request that has claimed the key, in its own transaction."""
    crashpoints.reach("answer.keeping")
    prepared.say(KEEP, [answer.status, answer.location, answer.body, digest])
    crashpoints.reach("answer.kept")


def purge(*, limit: int = PURGED_AT_ONCE) -> int:
    """Forget up to `limit` keys whose window is over; count them. Any number may do so at once."""
    with connection.cursor() as cursor:
        cursor.execute(PURGE, [limit])
        return int(cursor.rowcount)
