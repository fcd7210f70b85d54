"""Invalid Message Channel, on the wire: what is no message is taken off its queue and logged.

kombu lets an entry that it cannot read end the worker; the next worker would read the next one.
Whatever of ours was damaged so is sent again from Postgres when its lease has lapsed.

Guarantee: no content of a queue ends a worker.
Source: Hohpe and Woolf, Invalid Message Channel.
"""

from __future__ import annotations

from typing import Any

import kombu
import orjson
import structlog
from celery.app import amqp
from kombu.transport import redis

log = structlog.get_logger(__name__)

SHOWN_CHARACTERS = 200
LONGEST_PAUSE_SECONDS = 1.0


class Connection(kombu.Connection):
    """A connection that is tried again every second; by itself kombu waits up to thirty."""

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        """Connect, however long that takes, as kombu does, with short pauses."""
        pauses = dict.fromkeys(
            ("interval_start", "interval_step", "interval_max"), LONGEST_PAUSE_SECONDS
        )
        return super().ensure_connection(*args, **{**pauses, **options})


class AMQP(amqp.AMQP):
    """Celery's factory of connections, for those above."""

    Connection = Connection


class Channel(redis.Channel):
    """A channel that survives entries which are not JSON, and keeps the client that it sends by."""

    _sender: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """Return a client as kombu does, which makes a new one for each message that it sends."""
        if asynchronous:
            return super()._create_client(asynchronous)  # type: ignore[misc]
        if self._sender is None or self._sender.connection_pool is not self.pool:
            self._sender = super()._create_client()  # type: ignore[misc]
        return self._sender

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]
        except ValueError as error:  # of the decoder: of UTF-8 or of JSON
            log.error("unreadable_entry_dropped", error=str(error)[:SHOWN_CHARACTERS])
            return True

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        """Push an entry as kombu does, written by orjson: bodies are large, and strings."""
        if self._expires:  # type: ignore[attr-defined]
            super()._put(queue, message, **options)
            return
        priority = self._get_message_priority(message)
        key = self._q_for_pri(queue, priority)  # type: ignore[attr-defined]
        if (together := options.get("_publish_batch")) is not None:
            together.add("lpush", key, orjson.dumps(message))
            return
        with self.conn_or_acquire() as client:
            client.lpush(key, orjson.dumps(message))


class Transport(redis.Transport):
    """kombu's Redis transport, for queues that anyone may have written to."""

    Channel = Channel

    def _deliver(self, message: Any, queue: str | None) -> None:
        if _is_a_message(message):
            super()._deliver(message, queue)
        else:
            log.error(
                "unreadable_entry_dropped", queue=queue, entry=str(message)[:SHOWN_CHARACTERS]
            )


def _is_a_message(entry: Any) -> bool:
    """Say whether an entry has what kombu needs of a message to hand it on."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("properties"), dict)
        and isinstance(entry["properties"].get("delivery_tag"), str)
        and isinstance(entry["properties"].get("delivery_info"), dict)
        and isinstance(entry.get("headers"), dict)
        and isinstance(entry.get("body"), str)
    )
