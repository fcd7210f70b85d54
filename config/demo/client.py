"""The API as the demonstration uses it: one HTTP client for each caller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx

RFQS = "/api/v1/instant-ride-rfqs"


class RequestRefused(Exception):  # noqa: N818 - what happened, as in the API's words
    """The platform answered something else than expected."""


class Caller:
    """Somebody with a token."""

    def __init__(self, *, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Token {token}"},
            timeout=10.0,
            trust_env=False,
        )

    def submit(self, body: dict[str, object]) -> str:
        """Report a completed ride under the name in the original requirement; return its id."""
        return str(self._read("POST", "/submit-ride-completion", expected=201, json=body)["id"])

    def deliveries(self, ride: str) -> list[dict[str, Any]]:
        """Return what has become of a ride, subscription by subscription."""
        answer = self._read("GET", f"/api/v1/ride-completions/{ride}", expected=200)
        deliveries: list[dict[str, Any]] = answer["deliveries"]
        return deliveries

    def ask(self, body: dict[str, object]) -> str:
        """Ask for quotes under the name in the original requirement; return the request's id."""
        return str(self._read("POST", "/submit-instant-ride-rfq", expected=201, json=body)["id"])

    def happenings(self, rfq: str, *, patience: float) -> Iterator[tuple[str, Any]]:
        """Yield each event of a request's stream, as it comes, with its data.

        Raises `RequestRefused` when nothing comes for `patience` seconds.
        """
        path = f"{RFQS}/{rfq}/stream"
        try:
            with self._client.stream("GET", path, timeout=patience) as response:
                if response.status_code != 200:
                    raise RequestRefused(f"GET {path}: {response.status_code}")
                event = ""
                for line in response.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        event = value
                    elif name == "data":
                        yield event, json.loads(value)
        except httpx.HTTPError as error:
            raise RequestRefused(f"GET {path}: {error!r}") from error

    def accept(self, rfq: str, *, responder: str) -> dict[str, Any]:
        """Accept a fleet's quote; return the booked ride."""
        choice = {"responder": responder}
        ride: dict[str, Any] = self._read("POST", f"{RFQS}/{rfq}/accept", expected=201, json=choice)
        return ride

    def start(self, ride: str) -> None:
        """Say that a booked ride has begun."""
        self._read("POST", f"/api/v1/rides/{ride}/start", expected=200, json={})

    def ride(self, ride: str) -> dict[str, Any]:
        """Return a booked ride with its timeline."""
        found: dict[str, Any] = self._read("GET", f"/api/v1/rides/{ride}", expected=200)
        return found

    def fare(self, ride: str) -> dict[str, Any] | None:
        """Return how the fare of a ride is collected; None while nobody has begun to."""
        path = "/api/v1/fare-collections"
        try:
            response = self._client.get(path, params={"ride": ride})
        except httpx.HTTPError as error:
            raise RequestRefused(f"GET {path}: {error!r}") from error
        if response.status_code not in (200, 404):
            raise RequestRefused(f"GET {path}: {response.status_code} {response.text}")
        found: dict[str, Any] = response.json()
        return found if response.status_code == 200 else None

    def prebook(self, body: dict[str, object]) -> str:
        """Prebook a ride under the name in the original requirement; return its id."""
        return str(self._read("POST", "/submit-ride-prebooking", expected=202, json=body)["id"])

    def prebookings(self) -> list[dict[str, Any]]:
        """Return the newest prebookings that the caller may see."""
        answer = self._read("GET", "/api/v1/ride-prebookings?limit=200", expected=200)
        rows: list[dict[str, Any]] = answer["results"]
        return rows

    def campaign(self, code: str) -> dict[str, Any]:
        """Return a campaign."""
        found: dict[str, Any] = self._read("GET", f"/api/v1/campaigns/{code}", expected=200)
        return found

    def mine(self, what: str) -> Any:
        """Return the caller's own statement, loyalty or notifications."""
        return self._read("GET", f"/api/v1/customers/me/{what}", expected=200)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _read(self, method: str, path: str, *, expected: int, json: Any = None) -> Any:
        try:
            response = self._client.request(method, path, json=json)
        except httpx.HTTPError as error:
            raise RequestRefused(f"{method} {path}: {error!r}") from error
        if response.status_code != expected:
            raise RequestRefused(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()
