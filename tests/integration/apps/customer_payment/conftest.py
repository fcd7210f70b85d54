"""A real sandbox provider, and the gateway to it with Stripe's own client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from apps.customer_payment import gateway, subscriptions
from apps.customer_payment.models import Payment, PaymentMethod
from config.sandbox.cards import CARDS
from tests.sandbox import SandboxProcess, running
from wildrydes.answering import Answer
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

TIMEOUT = timedelta(seconds=1)


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Return the sandbox that the whole session shares; payments have references of their own."""
    directory: Path = tmp_path_factory.mktemp("sandbox")
    with running(directory) as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, settings: Settings) -> Iterator[SandboxProcess]:
    """Return a sandbox that behaves, and that the settings lead to."""
    settings.STRIPE_API_BASE = sandbox_process.url
    settings.STRIPE_TIMEOUT = TIMEOUT
    yield sandbox_process
    sandbox_process.behave()


@pytest.fixture
def provider(sandbox: SandboxProcess) -> gateway.Gateway:
    """Return the gateway to the sandbox."""
    return gateway.current()


@pytest.fixture
def card(transactional_db: None) -> Callable[..., None]:
    """Return what gives a customer a card, as the seeds do: a test token, not attached."""

    def give(token: str = "pm_card_visa", customer: str = "cmr") -> None:
        PaymentMethod.objects.filter(customer=customer).delete()
        PaymentMethod.objects.create(
            customer=customer,
            token=token,
            brand="visa",
            last4=CARDS[token].last4,
            is_default=True,
            created_at=timezone.now(),
        )

    return give


class Caller:
    """Whoever sends commands about one payment, each under the subject that it always has."""

    def __init__(self, customer: str = "cmr") -> None:
        self.reference = f"ride-{uuid4()}"
        self.customer = customer

    def command(self, verb: str, *, undo: str = "", position: int = 0, **data: Any) -> Envelope:
        """Return a command as it arrives."""
        return Envelope(
            id=new_id(),
            type=f"v1.payment.{verb}",
            kind="command",
            source="//wildrydes.example",
            subject=f"{self.reference}/{undo or verb}",
            time=timezone.now(),
            position=position,
            data={"reference": self.reference, **data},
        )

    def authorise(self, amount: str = "256.50") -> Answer:
        """Have the card hold the amount."""
        return said(subscriptions.authorise, self.authorisation(amount))

    def authorisation(self, amount: str = "256.50") -> Envelope:
        """Return the command to authorise."""
        return self.command(
            "authorise",
            customer=self.customer,
            amount=amount,
            currency="EUR",
            description="Ride from Berlin to Frankfurt",
        )

    def capture(self) -> Answer:
        """Take what the card holds."""
        return said(subscriptions.capture, self.command("capture"))

    def release(self) -> Answer:
        """Undo the authorisation."""
        return said(subscriptions.release, self.command("release", undo="authorise/undo"))

    def refund(self, amount: str | None = None, *, undo: str = "capture/undo") -> Answer:
        """Undo the capture, or give some of it back."""
        return said(subscriptions.refund, self.command("refund", undo=undo, amount=amount))

    @property
    def payment(self) -> Payment:
        """Return the payment as it stands with us."""
        return Payment.objects.get(reference=self.reference)


def said(handler: Callable[..., list[Answer | None]], *commands: Envelope) -> Answer:
    """Return the first answer of a handler that runs in a transaction, as the kernel has it run."""
    with transaction.atomic():
        answer = handler(commands)[0]
    assert answer is not None
    return answer


@pytest.fixture
def caller(card: Callable[..., None], sandbox: SandboxProcess) -> Callable[[str], Caller]:
    """Return a maker of callers whose customer has one card."""

    def make(token: str = "pm_card_visa") -> Caller:
        card(token)
        return Caller()

    return make
