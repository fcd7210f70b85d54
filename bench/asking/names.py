"""Who is asked, on every side, and what each says. Plain data."""

from __future__ import annotations

RESPONDERS = tuple(f"fleet-{number:02}" for number in range(1, 17))
SILENT = RESPONDERS[-1]  # the one that is stopped where deadlines are measured

REQUESTED = "v1.bench-quotes.requested"
QUOTED = "v1.bench-quote.given"
GATHERED = "v1.bench-quotes.gathered"
GATHERING = "asking.gather"

REQUEST = {"from": "Frankfurt", "to": "Las Vegas", "customer": "cmr"}
QUOTE = {"quote": "256.50", "currency": "EUR"}


def queue_of(responder: str) -> str:
    """Return the queue that is the responder's own."""
    return f"asking.{responder}"


def subscription_of(responder: str) -> str:
    """Return the name of the responder's subscription."""
    return f"asking.quote_{responder}"
