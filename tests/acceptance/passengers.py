"""What a customer, a unicorn and staff do for an instant ride, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from apps.unicorn_management.messages import FLEETS

from .stage import Stage, wait_until

RFQS = "/api/v1/instant-ride-rfqs"
CHEAP_FLEET = "cape-town"
PROMPT = {
    "radius_km": None,
    "answer_rate": 1,
    "fault_rate": 0,
    "delay_min_seconds": 0,
    "delay_median_seconds": 0,
    "delay_max_seconds": 0,
}
SILENT = {**PROMPT, "answer_rate": 0}
CHEAP = {"base": "1.00", "per_km": "0.01", "per_minute": "0.00", "demand_factor": 0}


def after(seconds: float) -> dict[str, Any]:
    """Return the behaviour of a fleet that always takes so long."""
    names = ("delay_min_seconds", "delay_median_seconds", "delay_max_seconds")
    return {**PROMPT, **dict.fromkeys(names, seconds)}


@dataclass(frozen=True)
class People:
    """Who calls: a customer, a unicorn of the cheapest fleet, and staff."""

    customer: httpx.Client
    unicorn: httpx.Client
    staff: httpx.Client

    def fleets_behave(self, behaviours: dict[str, dict[str, Any]]) -> None:
        """Set how fleets behave; those that are not named answer at once."""
        for fleet in FLEETS:
            change = behaviours.get(fleet, PROMPT) | (CHEAP if fleet == CHEAP_FLEET else {})
            answer = self.staff.patch(f"/api/v1/fleets/{fleet}", json=change)
            assert answer.status_code == 200, answer.content

    def ask(self, *, deadline_seconds: float = 30, path: str = RFQS) -> str:
        """Ask for quotes; return where the request is found."""
        wanted = {"from": "Cape Town", "to": "Paarl", "customer": "cmr"}
        answer = self.customer.post(path, json={**wanted, "deadline_seconds": deadline_seconds})
        assert answer.status_code == 201, answer.content
        assert answer.json()["status"] == "open"
        return str(answer.headers["Location"])

    def wait_for_close(self, rfq: str) -> Any:
        """Return the request once it is closed, by an answer that is held until then."""
        return self.customer.get(f"{rfq}?wait=40", timeout=60).json()

    def accept(self, rfq: str, responder: str) -> httpx.Response:
        """Accept a fleet's quote."""
        return self.customer.post(f"{rfq}/accept", json={"responder": responder})

    def wait_for(self, ride: str, state: str) -> Any:
        """Return the ride once it is in that state."""

        def shown() -> Any:
            found = self.customer.get(f"/api/v1/rides/{ride}").json()
            return found if found["state"] == state else None

        return wait_until(shown, what=f"ride {ride} is {state}")


def prepare(stage: Stage) -> dict[str, Any]:
    """Migrate the database, seed accounts and fleets; return the accounts."""
    return stage.prepare("seed_fleets")


@contextmanager
def people(accounts: dict[str, Any], *, asking: Stage, riding: Stage) -> Iterator[People]:
    """Yield the callers: customers call where rides are booked, the others where fleets are."""
    (cmr,) = (item for item in accounts["customers"] if item["customer"] == "cmr")
    (unicorn, *_) = (item for item in accounts["unicorns"] if item["fleet"] == CHEAP_FLEET)
    with ExitStack() as stack:
        yield People(
            customer=stack.enter_context(asking.client(cmr)),
            unicorn=stack.enter_context(riding.client(unicorn)),
            staff=stack.enter_context(riding.client(accounts["staff"][0])),
        )
