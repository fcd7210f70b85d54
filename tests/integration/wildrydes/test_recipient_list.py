"""Recipient List: a publisher names who gets its message, and nobody else does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from django.db import transaction

from wildrydes import deliveries, publishing
from wildrydes.errors import PublishError
from wildrydes.models import Dispatch, Message, Unrouted

from .conftest import Happened, Kernel, small_topology


def publish(number: int, *, recipients: Sequence[str]) -> Message:
    """Publish one event to these recipients."""
    with transaction.atomic():
        message_id = publishing.publish(Happened(number), recipients=recipients)
    return Message.objects.get(id=message_id)


def test_a_message_goes_to_those_who_are_named_and_to_no_other(kernel: Kernel) -> None:
    publish(10, recipients=["first.record"])
    kernel.relay.turn()
    kernel.work("first")
    assert kernel.standing("second") == 0
    assert kernel.effects() == {("first", 10): 1}


def test_whoever_is_named_gets_the_message_in_spite_of_their_filter(kernel: Kernel) -> None:
    publish(1, recipients=["second.record", "first.record"])
    kernel.relay.turn()
    kernel.work("first")
    kernel.work("second")
    assert kernel.effects() == {("first", 1): 1, ("second", 1): 1}


def test_a_message_without_a_list_goes_to_all_who_want_it(kernel: Kernel) -> None:
    kernel.publish(10)
    assert Message.objects.get().recipients is None
    kernel.relay.turn()
    assert (kernel.standing("first"), kernel.standing("second")) == (1, 1)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "must be a list of one name or more"),
        ("first.record", "must be a list of one name or more"),
        (["first.record", "third.record"], "'third.record' is not in the topology"),
        (["first.record", "first.record"], "'first.record' is named twice"),
        (["second.do"], "'second.do' does not take 'v1.test.happened'"),
    ],
)
def test_a_list_that_is_wrong_is_refused_before_anything_is_stored(
    kernel: Kernel, names: Sequence[str], reason: str
) -> None:
    with pytest.raises(PublishError, match=reason):
        publish(1, recipients=names)
    assert not Message.objects.exists()


def test_one_who_left_the_topology_meanwhile_does_not_hold_up_the_others(kernel: Kernel) -> None:
    publish(10, recipients=["second.record", "first.record"])
    whole = small_topology()
    left = [entry for entry in whole.subscriptions if entry.name != "second.record"]
    kernel.use(replace(whole, subscriptions=tuple(left)))
    kernel.relay.turn()
    assert [dispatch.subscription for dispatch in Dispatch.objects.all()] == ["first.record"]
    assert not Unrouted.objects.exists()


def test_the_history_of_a_message_knows_who_was_named(kernel: Kernel) -> None:
    message = publish(10, recipients=["first.record"])
    found = [item.subscription for item in deliveries.deliveries_of(message.id)]
    assert found == ["first.record"]
