"""Fares, live: one that is collected, and one of each way in which it can fail."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
from django.db.models import Sum

from apps.customer_accounting.models import Posting
from config.demo import client
from config.embedded import processes
from config.env import ENV, development_sandbox_key
from wildrydes import saga

DEADLINE_SECONDS = 60.0
FARE = Decimal("256.50")
REFUSES = "pm_sandbox_refundFails"
BY, WHY = "demo", "The provider makes refunds again."
MOVEMENTS = ("authorised", "released", "captured", "refunded")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scene:
    """One customer's ride, and how its fare must end. `step` is where it fails."""

    customer: str
    what: str
    status: str
    step: str = ""


SCENES = (
    Scene("cmr", "pays with a card that works", "collected"),
    Scene("cmr-declined", "has a card that declines", "failed", "authorise"),
    Scene("cmr-capture", "has a card that cannot be charged in the end", "failed", "capture"),
    Scene("cmr-closed", "is charged, but the account is closed", "failed", "credit"),
    Scene("cmr-refund", "is charged, and cannot be refunded at once", "stuck", "capture"),
)


@dataclass(frozen=True)
class Told:
    """How a scene ended: the fare as staff see it, and what both ledgers say of it."""

    scene: Scene
    fare: Mapping[str, Any]
    provider: Mapping[str, Decimal]
    owed: Decimal
    cleared: Decimal

    @property
    def is_as_expected(self) -> bool:
        """Say whether it ended as it must, and the ledgers agree."""
        kept = self.provider["captured"] - self.provider["refunded"]
        is_paid = self.fare["status"] == "collected"
        step = "credit" if self.scene.status == "stuck" else self.scene.step
        ends = (self.fare["status"], self.fare["failed_step"]) == (
            "collected" if is_paid else "failed",
            step,
        )
        money = (FARE, Decimal(0)) if is_paid else (Decimal(0), FARE)
        return ends and kept == self.cleared and (kept, self.owed) == money


def show(unicorn: client.Caller, staff: client.Caller, *, say: Say) -> list[Told]:
    """Complete a ride for each customer, follow the fares, and resolve the one that is stuck."""
    rides = {scene: unicorn.submit(_body(scene.customer)) for scene in SCENES}
    fares = {}
    for scene, ride in rides.items():
        fares[scene] = _follow(staff, ride, scene.status)
        reason = f" at {scene.step}: {fares[scene]['reason']}" if scene.step else ""
        say(f"{scene.customer:<13} {scene.what}: {fares[scene]['status']}{reason}")
        if scene.status == "stuck":
            fares[scene] = _resolve(staff, ride, fares[scene], say=say)
    return [_told(scene, fare) for scene, fare in fares.items()]


def complaints(told: Sequence[Told]) -> list[str]:
    """Return one sentence for each fare that did not end as it must."""
    return [
        f"The fare of {item.scene.customer} ended {item.fare['status']} at "
        f"{item.fare['failed_step'] or 'no step'}, with {item.cleared} on clearing and {item.owed} "
        f"owed (collection {item.fare['id']})"
        for item in told
        if not item.is_as_expected
    ]


def _resolve(
    staff: client.Caller, ride: str, fare: Mapping[str, Any], *, say: Say
) -> Mapping[str, Any]:
    """Let the provider make refunds again, and an operator retry."""
    with _refunds_work():
        say(f"{'':<13} An operator hears of it, and retries: manage.py sagas retry {fare['id']}")
        saga.retry(UUID(fare["id"]), by=BY, reason=WHY)
        found = _follow(staff, ride, "failed")
    say(f"{'':<13} The charge is given back: {found['status']} at {found['failed_step']}")
    return found


def _follow(staff: client.Caller, ride: str, status: str) -> Mapping[str, Any]:
    """Return the ride's fare once it has the status, or as it is when the time is over."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    fare = staff.fare(ride)
    while (fare is None or fare["status"] != status) and time.monotonic() < deadline:
        time.sleep(processes.POLL_SECONDS)
        fare = staff.fare(ride)
    if fare is None:
        raise client.RequestRefused(f"nobody collects the fare of {ride}")
    return fare


def _told(scene: Scene, fare: Mapping[str, Any]) -> Told:
    reference = str(fare["id"])
    postings = Posting.objects.filter(entry__ride_completion=fare["ride_completion"])
    sums = dict(postings.values_list("account").annotate(total=Sum("amount")))
    return Told(
        scene=scene,
        fare=fare,
        provider=_moved(reference),
        owed=sums.get(Posting.Account.CUSTOMER_RECEIVABLE, Decimal(0)),
        cleared=sums.get(Posting.Account.PAYMENT_CLEARING, Decimal(0)),
    )


def _moved(reference: str) -> dict[str, Decimal]:
    """Return what the provider's own ledger says, by kind of movement."""
    with _sandbox() as sandbox:
        answer = sandbox.get("/sandbox/ledger", params={"reference": reference})
    moved = dict.fromkeys(MOVEMENTS, Decimal(0))
    for movement in answer.raise_for_status().json()["movements"]:
        moved[movement["kind"]] = moved.get(movement["kind"], Decimal(0)) + Decimal(
            movement["amount"]
        )
    return moved


@contextmanager
def _refunds_work() -> Iterator[None]:
    """Let the sandbox make refunds to every card during the block."""
    with _sandbox() as sandbox:
        before = sandbox.get("/sandbox/control").raise_for_status().json()["rules"]
        rule = {"token": REFUSES, "operation": "refund", "behaviour": "ok"}
        sandbox.post("/sandbox/control", json={"rules": [rule, *before]}).raise_for_status()
        try:
            yield
        finally:
            sandbox.post("/sandbox/control", json={"rules": before}).raise_for_status()


def _sandbox() -> httpx.Client:
    key = development_sandbox_key(ENV.state_dir)
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=ENV.sandbox_url, headers=headers, timeout=10.0, trust_env=False)


def _body(customer: str) -> dict[str, object]:
    return {
        "from": "Berlin",
        "to": "Frankfurt",
        "duration": 420,
        "distance": 600,
        "customer": customer,
        "fare": str(FARE),
    }
