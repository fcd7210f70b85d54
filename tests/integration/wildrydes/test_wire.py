"""The wire: what is put is what a worker reads, whatever it looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import celery
import orjson
import pytest

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
