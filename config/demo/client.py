"""The API as the demonstration uses it: one HTTP client for each caller."""

from __future__ import annotations

from typing import Any

import httpx


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
