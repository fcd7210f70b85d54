"""Handlers that keep order, and handlers that do as the message says."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.probe import operations
from tests.faults.probe.messages import ProbeHappened
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
