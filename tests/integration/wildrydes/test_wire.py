"""The wire: what is put is what a worker reads, whatever it looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import celery
import orjson
import pytest
from celery.app.defaults import DEFAULTS

from config.topology import queue_names
from wildrydes import wire

from .conftest import Kernel


def put(*messages: Any) -> wire.Delivery:
    """Put a delivery of these messages on the queue `first`."""
    delivery = wire.Delivery(
        dispatch_id=uuid4(), origin="here", attempt=1, sent_at=datetime.now(UTC), messages=messages
    )
    wire.put([wire.Addressed(delivery=delivery, subscription="first.record", queue="first")])
    return delivery


def take() -> wire.Delivery:
    """Take the next message from the queue `first` with the code that a worker runs."""
    with celery.current_app.connection_for_read() as connection:
        message = connection.default_channel.basic_get("first", no_ack=True)
    assert message is not None
    assert message.content_type == "application/json"
    ((body,), _, _) = message.decode()
    return wire.read(body)


@pytest.mark.parametrize(
    "data",
    [
        {"name": 'Zoë "quoted" \\ \u2028 🦄'},
        {"__type__": "datetime", "__value__": "not a moment"},
        {"nested": [{"__type__": "uuid", "__value__": "x"}], "none": None, "number": 256.5},
    ],
)
def test_messages_arrive_as_they_were_put(kernel: Kernel, data: dict[str, Any]) -> None:
    event = {"id": str(uuid4()), "data": data}
    delivery = put(event, orjson.Fragment(orjson.dumps(event)))
    taken = take()
    assert (taken.dispatch_id, taken.sent_at) == (delivery.dispatch_id, delivery.sent_at)
    assert list(taken.messages) == [event, event]


def test_data_arrive_as_the_database_keeps_them(kernel: Kernel) -> None:
    kernel.publish(7, group="a group")
    kernel.relay.turn()
    (event,) = take().messages
    assert event["data"] == {"number": 7}
    assert (event["type"], event["groupid"]) == ("v1.test.happened", "a group")


def test_what_orjson_does_not_write_is_written_all_the_same(kernel: Kernel) -> None:
    put({"data": {"number": 2**70}})
    (event,) = take().messages
    assert event["data"]["number"] == pytest.approx(2**70)


def test_a_channel_keeps_the_client_that_it_sends_by_as_long_as_its_pool(kernel: Kernel) -> None:
    with celery.current_app.connection_for_write() as connection:
        channel = connection.default_channel
        client = channel._create_client()
        assert channel._create_client() is client
        channel._disconnect_pools()
        assert (
            channel._create_client().connection_pool is channel.pool is not client.connection_pool
        )


def test_celery_finds_each_setting_where_it_looks_first() -> None:
    settings = celery.current_app.conf
    assert settings.changes.keys() >= DEFAULTS.keys()
    assert settings.worker_prefetch_multiplier == 1
    assert [queue.name for queue in settings.task_queues] == list(queue_names())
