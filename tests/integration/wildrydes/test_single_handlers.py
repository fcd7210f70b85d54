"""Handlers of single messages share a savepoint, and nobody can tell."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from django.db import DatabaseError, connection

from wildrydes import context, subscriptions
from wildrydes.envelope import Envelope
from wildrydes.models import Receipt

from .conftest import Kernel


def deliver(kernel: Kernel, *numbers: int) -> None:
    kernel.publish(*numbers)
    kernel.relay.turn()
    kernel.work("second")


def statuses() -> dict[str, int]:
    of_second = Receipt.objects.filter(subscription="second.record")
    return dict(Counter(of_second.values_list("status", flat=True)))


@pytest.fixture
def rebind(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "_bindings", {})
    subscriptions.subscribe_batch("first.record")(lambda envelopes: None)


def test_one_that_fails_undoes_no_other(kernel: Kernel) -> None:
    kernel.fails = {12}
    deliver(kernel, 10, 11, 12, 13)
    assert kernel.effects() == {("second", number): 1 for number in (10, 11, 13)}
    assert statuses() == {"done": 3, "retrying": 1}
    assert kernel.sequence("second") == [10, 11, 13]


def test_one_that_swallows_a_database_error_undoes_no_other(kernel: Kernel, rebind: None) -> None:
    @subscriptions.subscribe("second.record")
    def record(envelope: Envelope) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO kernel_test_effect VALUES ('second', %s, %s)",
                [envelope.data["number"], envelope.id],
            )
            if envelope.data["number"] == 11:
                try:
                    cursor.execute("SELECT 1/0")
                except DatabaseError:
                    return

    deliver(kernel, 10, 11, 12)
    assert kernel.effects() == {("second", 10): 1, ("second", 12): 1}
    assert statuses() == {"done": 2, "retrying": 1}


def test_one_whose_statement_cannot_be_read_undoes_no_other(kernel: Kernel, rebind: None) -> None:
    @subscriptions.subscribe("second.record")
    def record(envelope: Envelope) -> None:
        with connection.cursor() as cursor:
            if envelope.data["number"] == 11:
                cursor.execute("no statement at all")
            cursor.execute(
                "INSERT INTO kernel_test_effect VALUES ('second', %s, %s)",
                [envelope.data["number"], envelope.id],
            )

    deliver(kernel, 10, 11, 12)
    assert kernel.effects() == {("second", 10): 1, ("second", 12): 1}
    assert statuses() == {"done": 2, "retrying": 1}
    failed = Receipt.objects.get(subscription="second.record", status="retrying")
    assert "syntax error" in failed.error


def test_each_works_as_part_of_its_own_messages_story(kernel: Kernel, rebind: None) -> None:
    causes: list[tuple[UUID, UUID | None]] = []

    @subscriptions.subscribe("second.record")
    def record(envelope: Envelope) -> None:
        causes.append((envelope.id, context.current().causation_id))

    deliver(kernel, 10, 11, 12)
    assert len(causes) == 3
    assert all(message_id == cause for message_id, cause in causes)


def test_one_with_effects_outside_is_not_called_again_for_what_another_did(
    kernel: Kernel, rebind: None
) -> None:
    calls: Counter[int] = Counter()

    @subscriptions.subscribe("second.record", outside_effects=True)
    def record(envelope: Envelope) -> None:
        calls[envelope.data["number"]] += 1
        if envelope.data["number"] == 12:
            raise ValueError("12 is refused")

    deliver(kernel, 10, 11, 12)
    assert calls == {10: 1, 11: 1, 12: 1}
    assert statuses() == {"done": 2, "retrying": 1}
