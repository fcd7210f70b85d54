"""A delivery of commands as a worker handles it: one whose outcome is unknown is tried again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from apps.customer_payment.models import Payment
from tests.sandbox import SandboxProcess
from wildrydes import models
from wildrydes.consumer import consuming
from wildrydes.models import Receipt, new_id
from wildrydes.wire import Delivery

MakeCaller = Callable[..., Any]
AUTHORISE = "customer_payment.authorise"


@pytest.fixture
def deliver(valkey: Any, transactional_db: None) -> Callable[..., None]:
    """Return what handles commands as one delivery, and leaves the answers on their receipts."""

    def handle(*commands: Any) -> None:
        delivery = Delivery(
            dispatch_id=new_id(),
            origin=models.origin(),
            attempt=1,
            sent_at=timezone.now(),
            messages=[command.to_cloudevent() for command in commands],
        )
        consuming.consume(subscription=AUTHORISE, body=delivery.to_wire(), carried=True)

    return handle


def receipt(command: Any) -> tuple[str, str | None]:
    row = Receipt.objects.get(subscription=AUTHORISE, message_id=command.id)
    return row.status, row.answer and row.answer["outcome"]


def test_one_that_is_not_answered_does_not_hold_up_its_companions(
    caller: MakeCaller, card: Callable[..., None], deliver: Any, sandbox: SandboxProcess
) -> None:
    one, other, poor = caller(), caller(), caller()
    card("pm_sandbox_timeout", customer="silent")
    other.customer, poor.customer = "silent", "nobody"
    commands = [each.authorisation() for each in (one, other, poor)]

    deliver(*commands)

    assert [receipt(command) for command in commands] == [
        ("done", "answered"),
        ("retrying", None),
        ("done", "declined"),
    ]
    assert sandbox.moved(one.reference) == [("authorised", "256.50")]
    assert not Payment.objects.filter(reference=other.reference).exists()


def test_a_command_that_is_sent_anew_is_the_same_command_to_the_provider(
    caller: MakeCaller, deliver: Any, sandbox: SandboxProcess
) -> None:
    one = caller("pm_sandbox_silent")
    first, second = one.authorisation(), one.authorisation()

    deliver(first)
    deliver(second)

    assert [receipt(first), receipt(second)] == [("retrying", None), ("done", "answered")]
    assert sandbox.moved(one.reference) == [("authorised", "256.50")]
