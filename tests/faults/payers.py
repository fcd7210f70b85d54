"""Who pays for rides, with which card and to what end; and staff who give some of it back.

How a card behaves stands behind its token at the provider. A moody one behaves as the provider is
told to during a fault, so that its fares may end either way; every other fare has one end.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import psycopg

from tests.faults.load import Style

FARES = "/api/v1/fare-collections"
ANSWER_SECONDS = 5.0
VISA = "pm_card_visa"
COLLECTED = ("collected",)
SELDOM = 8.0
NEWEST = 40


@dataclass(frozen=True)
class Payer:
    """A customer who rides every so many seconds.

    `ends` are how their fares may end, `waits` that a person is needed for that. Who stumbles over
    a card at first makes a whole batch be taken apart, and so rides seldom.
    """

    name: str
    token: str = VISA
    ends: tuple[str, ...] = COLLECTED
    is_closed: bool = False
    waits: bool = False
    every: float = 4.0
    fares: tuple[float, ...] = (12.5, 49.99, 256.5)


MOODY = Payer(
    "payer-moody", ends=(*COLLECTED, "failed at authorise", "failed at capture", "failed at credit")
)
REFUSED = Payer(
    "payer-refused",
    "pm_sandbox_refundFails",
    ("failed at credit",),
    is_closed=True,
    waits=True,
    every=SELDOM,
)
PAYERS = (
    Payer("payer-visa"),
    Payer("payer-crowd"),
    Payer("payer-free", fares=(0,)),
    Payer("payer-huge", fares=(9_999_999_999.99,)),
    Payer("payer-cardless", "", ("failed at authorise",)),
    Payer("payer-declined", "pm_card_chargeDeclined", ("failed at authorise",)),
    Payer("payer-capture", "pm_sandbox_captureDeclined", ("failed at capture",)),
    Payer("payer-closed", ends=("failed at credit",), is_closed=True),
    Payer("payer-silent", "pm_sandbox_silent", every=SELDOM),
    Payer("payer-500", "pm_sandbox_500then200", every=SELDOM),
    Payer("payer-twice", "pm_sandbox_answersTwice"),
    REFUSED,
    MOODY,
)
STYLES = tuple(
    Style(
        payer.name,
        at_once=4 if payer.name == "payer-crowd" else 1,
        pause=payer.every,
        fares=payer.fares,
    )
    for payer in PAYERS
)

CARD = """
INSERT INTO customer_payment_paymentmethod
    (id, customer, token, provider_customer, brand, last4, is_default, created_at)
VALUES (gen_random_uuid(), %s, %s, '', 'visa', '4242', true, now())
"""
CLOSED = """
INSERT INTO customer_accounting_customeraccount (customer, is_closed, reason)
VALUES (%s, true, 'Settled in court.')
"""


def give_cards(connection: psycopg.Connection[Any]) -> None:
    """Give each payer their card; close the accounts of those who get no credit."""
    for payer in PAYERS:
        if payer.token:
            connection.execute(CARD, [payer.name, payer.token])
        if payer.is_closed:
            connection.execute(CLOSED, [payer.name])


@dataclass
class Ordered:
    """Which refunds were told yes, to so many people who asked for them."""

    people: int = 0
    refunds: list[str] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


class Generous(threading.Thread):
    """A member of staff who gives fares back, a part or all that is left, some of them twice."""

    def __init__(self, *, url: str, token: str, seed: int, ordered: Ordered) -> None:
        super().__init__(name=f"refunds {seed}", daemon=True)
        self._url, self._headers = url, {"Authorization": f"Token {token}"}
        self._ordered = ordered
        self._random = random.Random(seed)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish what has been begun, then end."""
        self._stopping.set()

    def run(self) -> None:
        """Give back until told to stop."""
        with httpx.Client(
            base_url=self._url, headers=self._headers, timeout=ANSWER_SECONDS, trust_env=False
        ) as client:
            while not self._stopping.wait(0.7):
                try:
                    self._give_back(client)
                except httpx.TransportError as error:
                    self._ordered.refusals[type(error).__name__] += 1

    def _give_back(self, client: httpx.Client) -> None:
        found = client.get(FARES, params={"limit": NEWEST})
        if found.status_code != 200:
            self._ordered.refusals[str(found.status_code)] += 1
            return
        able = [fare for fare in found.json()["results"] if fare["status"] in _ABLE]
        for fare in self._random.sample(able, min(2, len(able))):
            order = {"reason": "The unicorn took a detour."}
            if self._random.random() < 0.7 and Decimal(fare["amount"]) > 2:
                order["amount"] = self._random.choice(["1.25", "2.00"])
            self._note(client.post(f"{FARES}/{fare['id']}/refund", json=order))

    def _note(self, answer: httpx.Response) -> None:
        if answer.status_code == 202:
            self._ordered.refunds.append(str(answer.json()["id"]))
        elif answer.status_code in (409, 429) or answer.status_code >= 500:
            self._ordered.refusals[str(answer.status_code)] += 1
        else:
            self._ordered.unexpected.append(f"{answer.status_code} {answer.text[:200]}")


@contextmanager
def fares_keep_being_refunded(*, url: str, token: str, people: int) -> Iterator[Ordered]:
    """Let so many people give fares back during the block."""
    ordered = Ordered(people)
    staff: Sequence[Generous] = [
        Generous(url=url, token=token, seed=seed, ordered=ordered) for seed in range(people)
    ]
    for each in staff:
        each.start()
    try:
        yield ordered
    finally:
        for each in staff:
            each.stop()
        for each in staff:
            each.join()


_ABLE = ("collected", "refunding")
