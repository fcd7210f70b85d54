"""Who subscribes in the benchmarks: five, by the same names on every side. Plain data."""

from __future__ import annotations

SUBSCRIBERS = ("notification", "accounting", "loyalty", "lake", "extraordinary")
DELIVERIES_PER_EVENT = len(SUBSCRIBERS)

SERVICE = "bench_service"
RIDES = "v1.ride.completed"
SINGLE_RIDES = "v1.bench-ride.completed"


def batch_subscription(subscriber: str) -> str:
    """Return the name of the subscription whose handler takes whole batches."""
    return f"{SERVICE}.record_{subscriber}"


def single_subscription(subscriber: str) -> str:
    """Return the name of the subscription whose handler takes one message at a time."""
    return f"{SERVICE}.record_one_{subscriber}"
