"""The money side of the platform in one process: real relay, real ledger, real sandbox provider."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from pytest_django import Settings

from apps.customer_accounting import operations
from apps.customer_accounting.models import CustomerAccount, Posting
from apps.customer_payment.models import PaymentMethod
from apps.fare_collection import sagas
from apps.fare_collection.models import FareCollection
from apps.unicorn_management.messages import RideCompleted
from config.topology import TOPOLOGY
from tests.sandbox import SandboxProcess, running
from wildrydes import publishing, redis, saga
from wildrydes.consumer import answering, consume
from wildrydes.models import Dispatch, Message, Receipt, Saga, new_id
from wildrydes.relay import Relay

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
IDLE = (Saga.Status.COMPLETED, Saga.Status.COMPENSATED, Saga.Status.STUCK)


@dataclass
class Town:
    """Every service with its workers, driven by hand."""

    sandbox: SandboxProcess
    relay: Relay = field(default_factory=Relay)

    def complete(self, *rides: UUID, customer: str = "cmr", fare: str = "256.50") -> list[UUID]:
        """Publish that rides were completed, one unless ids are given; return their ids."""
        completed = list(rides) or [new_id()]
        with transaction.atomic():
            publishing.publish_all(
                [
                    publishing.Outgoing(body=ride_completed(ride, customer, Decimal(fare)))
                    for ride in completed
                ]
            )
        return completed

    def collect(self, *rides: UUID, **options: str) -> FareCollection:
        """Complete a ride and let everybody work; return what became of its fare."""
        (ride,) = self.complete(*rides, **options)
        self.run()
        return FareCollection.objects.get(ride_completion=ride)

    def close_account(self, customer: str = "cmr") -> None:
        """Let a customer's account take no payments."""
        account = CustomerAccount(customer=customer, is_closed=True, reason="A legal hold.")
        operations.change_account(account=account, by="olga")

    def run(self) -> None:
        """Let relay and workers run until every saga has ended or is stuck, and all arrived."""
        deadline = time.monotonic() + 60
        while True:
            self.relay.turn()
            worked = [self.work(queue.name) for queue in TOPOLOGY.queues]
            saga.wake_due()
            if not any(worked) and not self._is_under_way():
                return
            assert time.monotonic() < deadline, dict(Saga.objects.values_list("key", "state"))

    def work(self, queue: str) -> int:
        """Let a worker do everything that stands in a queue; count."""
        count = 0
        while (body := take(queue)) is not None:
            subscription = TOPOLOGY.subscription(body["task"])
            if subscription.answers_to == sagas.ADVANCE:
                carried = answering.answer(subscription=subscription.name, body=body)
                answering.advance(orchestrator=sagas.ADVANCE, carried=carried)
            else:
                consume(subscription=subscription.name, body=body)
            count += 1
        return count

    def books(self) -> dict[str, Decimal]:
        """Return the balance of every account that has one."""
        sums = Posting.objects.values_list("account").annotate(total=Sum("amount"))
        return {account: total for account, total in sums if total}

    def moved(self, collection: FareCollection) -> list[str]:
        """Return what the provider did for a collection, in order."""
        return [kind for kind, _ in self.sandbox.moved(str(collection.id))]

    def charged(self, collection: FareCollection) -> Decimal:
        """Return what the provider has kept for a collection: captured less refunded."""
        signs = {"captured": 1, "refunded": -1}
        moved = self.sandbox.moved(str(collection.id))
        return sum((Decimal(amount) * signs.get(kind, 0) for kind, amount in moved), Decimal(0))

    def told(self, type_: str) -> list[dict[str, Any]]:
        """Return what was told in events of a type."""
        return [row.data for row in Message.objects.filter(type=type_).order_by("position")]

    def _is_under_way(self) -> bool:
        return (
            Saga.objects.exclude(status__in=IDLE).exists()
            or Receipt.objects.filter(status=Receipt.Status.RETRYING).exists()
            or Dispatch.objects.exists()
        )


def ride_completed(ride: UUID, customer: str, fare: Decimal) -> RideCompleted:
    return RideCompleted(
        ride_completion=ride,
        ride=None,
        origin="Berlin",
        destination="Frankfurt",
        duration=420.0,
        distance=600.0,
        customer=customer,
        fare=fare,
        currency="EUR",
        fleet="north",
        completed_at=NOON,
    )


def take(queue: str) -> dict[str, Any] | None:
    """Take the next Celery message from a queue as a worker would; return its one argument."""
    raw = redis.client().rpop(queue)
    if raw is None:
        return None
    message = json.loads(raw)
    body = message["body"]
    if message["properties"].get("body_encoding") == "base64":
        body = base64.b64decode(body)
    (delivery,), _, _ = json.loads(body)
    return {**delivery, "task": message["headers"]["task"]}


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Return the sandbox that the whole session shares; payments have references of their own."""
    directory: Path = tmp_path_factory.mktemp("sandbox")
    with running(directory) as process:
        yield process


@pytest.fixture
def town(
    transactional_db: None, wire: None, sandbox_process: SandboxProcess, settings: Settings
) -> Iterator[Town]:
    """Return a town whose provider behaves."""
    settings.STRIPE_API_BASE = sandbox_process.url
    settings.STRIPE_TIMEOUT = timedelta(seconds=5)
    town = Town(sandbox_process)
    with town.relay:
        yield town
    sandbox_process.behave()


@pytest.fixture
def card(transactional_db: None) -> Callable[..., None]:
    """Return what gives a customer a card, by its test token."""

    def give(token: str = "pm_card_visa", *, customer: str = "cmr") -> None:
        PaymentMethod.objects.create(
            customer=customer,
            token=token,
            brand="visa",
            last4="4242",
            is_default=True,
            created_at=timezone.now(),
        )

    return give
