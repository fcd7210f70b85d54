"""Handlers that keep order or do as the message says; and those who do the steps of sagas."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.probe import journeys, operations, participants
from tests.faults.probe.messages import STEPS, ProbeHappened
from wildrydes.answering import answers
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe, subscribe_batch


@subscribe_batch("probe.keep_order")
def keep_order(envelopes: Sequence[Envelope]) -> None:
    """Record each message of a group after the one before it."""
    operations.record(subscription="probe.keep_order", envelopes=envelopes)


@subscribe("probe.take_poison")
def take_poison(envelope: Envelope) -> None:
    """Behave as the message says, in a queue without order."""
    operations.behave(behaviour=ProbeHappened.from_data(envelope.data).behaviour)
    operations.record(subscription="probe.take_poison", envelopes=[envelope])


@subscribe("probe.take_poison_in_order")
def take_poison_in_order(envelope: Envelope) -> None:
    """Behave as the message says, in message groups."""
    operations.behave(behaviour=ProbeHappened.from_data(envelope.data).behaviour)
    operations.record(subscription="probe.take_poison_in_order", envelopes=[envelope])


for _step in STEPS:
    _outside = _step == journeys.PIVOT
    answers(f"probe.do_{_step}", outside_effects=_outside)(participants.do)
    answers(f"probe.undo_{_step}", outside_effects=_outside)(participants.undo)
