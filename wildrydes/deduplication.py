"""Message Deduplication: a message that is published twice is stored once.

Guarantee: of the messages of one type that bear one deduplication id, the first that commits is
the only one within the window, however many publishers try at once. A rollback frees the id.
Does not guarantee: anything after the window; the receivers' own receipts hold for good. Two
transactions that claim the same ids in opposite orders wait for each other, and Postgres then
fails one of them: claim ids in one call, which sorts them.
Source: the deduplication of cloud queues; Hohpe and Woolf, Idempotent Receiver.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from wildrydes.conf import kernel_settings
from wildrydes.errors import PublishError

LONGEST_ID = 200
PURGED_AT_ONCE = 5_000

# A duplicate writes its row as it is. So the statement returns the first message's id in any case,
# and there is no moment between finding out and reading it in which the row could be purged.
CLAIM = """
INSERT INTO wildrydes_deduplication AS kept (type, deduplication_id, message_id, expires_at)
SELECT incoming.type, incoming.key, incoming.message_id, clock_timestamp() + %s
FROM unnest(%s::text[], %s::text[], %s::uuid[]) AS incoming (type, key, message_id)
ORDER BY incoming.type, incoming.key
ON CONFLICT (type, deduplication_id) DO UPDATE SET
    message_id = CASE WHEN kept.expires_at <= clock_timestamp()
        THEN excluded.message_id ELSE kept.message_id END,
    expires_at = CASE WHEN kept.expires_at <= clock_timestamp()
        THEN excluded.expires_at ELSE kept.expires_at END
RETURNING type, deduplication_id, message_id
"""

PURGE = """
DELETE FROM wildrydes_deduplication WHERE (type, deduplication_id) IN (
    SELECT type, deduplication_id FROM wildrydes_deduplication
    WHERE expires_at <= clock_timestamp()
    ORDER BY expires_at LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


class Content(Enum):
    """What may stand in the place of an id."""

    SAME = "content"


SAME_CONTENT = Content.SAME

DeduplicationId = str | Content


@dataclass(frozen=True)
class Claim:
    """A message that wants to be the first of its type with this key."""

    type: str
    key: str
    message_id: UUID


def key_of(given: DeduplicationId, *, content: Mapping[str, Any]) -> str:
    """Return the key that is kept: the id that was given, or a hash of the content.

    Raises `PublishError` for an id that is too long to be kept.
    """
    if isinstance(given, Content):
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        return f"sha256:{hashlib.sha256(canonical).hexdigest()}"
    if len(given) > LONGEST_ID:
        raise PublishError(f"a deduplication id may have {LONGEST_ID} characters: {given[:40]!r}…")
    return given


def claim(wanted: Sequence[Claim]) -> dict[UUID, UUID]:
    """Return, by the id of each message, that of the first message with its type and key.

    The two are equal where the message is the first itself. Must run inside the publisher's
    transaction, and waits for another that has claimed the same key until that has ended.
    """
    candidates: dict[tuple[str, str], UUID] = {}
    for item in wanted:
        candidates.setdefault((item.type, item.key), item.message_id)
    if not candidates:
        return {}
    types, keys = zip(*candidates, strict=True)
    window: Any = kernel_settings().deduplication_window
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [window, list(types), list(keys), list(candidates.values())])
        first = {(type_, key): message_id for type_, key, message_id in cursor.fetchall()}
    return {item.message_id: first[item.type, item.key] for item in wanted}


def purge(*, limit: int = PURGED_AT_ONCE) -> int:
    """Forget up to `limit` ids whose window is over; count them. Any number may call it at once."""
    with connection.cursor() as cursor:
        cursor.execute(PURGE, [limit])
        return int(cursor.rowcount)
