"""Transactional Outbox: the message exists if, and only if, what it speaks of was committed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from django.db import DatabaseError, connection, transaction

from wildrydes import publishing
from wildrydes.errors import OutsideTransactionError, PublishError
from wildrydes.models import Message, Unrouted

from .conftest import Do, Happened, Kernel


@dataclass(frozen=True)
class Strange:
    """A message whose data the test chooses."""

    data: Any
    TYPE: ClassVar[str] = "v1.test.happened"

    def to_data(self) -> Any:
        return self.data


@dataclass(frozen=True)
class Unknown(Strange):
    TYPE: ClassVar[str] = "v1.test.unheard-of"


def test_publishing_outside_a_transaction_is_refused(kernel: Kernel) -> None:
    with pytest.raises(OutsideTransactionError, match=r"transaction\.atomic"):
        publishing.publish(Happened(1))
    assert not Message.objects.exists()


def test_a_rollback_takes_the_message_with_it(kernel: Kernel) -> None:
    with transaction.atomic():
        publishing.publish(Happened(1))
        transaction.set_rollback(True)
    assert not Message.objects.exists()
    assert not Unrouted.objects.exists()


def test_a_commit_leaves_the_message_for_the_relay(kernel: Kernel) -> None:
    (message_id,) = kernel.publish(1)
    message = Message.objects.get()
    assert message.id == message_id
    assert (message.type, message.kind, message.data) == (
        "v1.test.happened",
        "event",
        {"number": 1},
    )
    assert message.correlation_id == str(message_id)
    assert list(Unrouted.objects.values_list("position", flat=True)) == [message.position]


def test_a_message_that_was_not_written_by_publish_is_routed_all_the_same(kernel: Kernel) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO wildrydes_message (id, type, kind, source, subject, group_id,"
            " correlation_id, reply_to, trace_parent, data)"
            " VALUES (gen_random_uuid(), 'v1.test.happened', 'event', '//x', '', '', '', '', '',"
            " '{\"number\": 1}')"
        )
    assert Unrouted.objects.count() == 1


def test_a_stored_message_cannot_be_changed(kernel: Kernel) -> None:
    kernel.publish(1)
    with pytest.raises(DatabaseError, match="append-only"):
        Message.objects.update(subject="rewritten")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (Unknown({}), "no topic or command subscription carries 'v1.test.unheard-of'"),
        (Strange({"at": {1, 2}}), "is not JSON"),
        (Strange({"text": "x" * 300_000}), "at most 262144 are taken"),
        (Do(1), "is a command, not an event: send it"),
    ],
)
def test_what_cannot_be_delivered_is_refused_before_it_is_stored(
    kernel: Kernel, body: publishing.Body, reason: str
) -> None:
    with pytest.raises(PublishError, match=reason), transaction.atomic():
        publishing.publish(body)
    assert not Message.objects.exists()


def test_an_event_cannot_be_sent_as_a_command(kernel: Kernel) -> None:
    with pytest.raises(PublishError, match="publish it"), transaction.atomic():
        publishing.send(Happened(1))


def test_a_message_caused_by_another_bears_its_correlation(kernel: Kernel) -> None:
    kernel.publish(1)
    cause = Message.objects.get().to_envelope()
    with transaction.atomic():
        publishing.publish_all([publishing.Outgoing(body=Happened(2), cause=cause)])
    effect = Message.objects.get(data__number=2)
    assert effect.correlation_id == cause.correlation_id
    assert effect.causation_id == cause.id
    assert effect.trace_parent.split("-")[1] == cause.trace_parent.split("-")[1]


def test_a_message_with_a_later_time_waits_for_it(kernel: Kernel) -> None:
    later = datetime(2999, 1, 1, tzinfo=UTC)
    with transaction.atomic():
        publishing.publish_all([publishing.Outgoing(body=Happened(1), not_before=later)])
    kernel.relay.turn()
    assert kernel.standing("first") == 0
    assert Unrouted.objects.get().due_at == later
