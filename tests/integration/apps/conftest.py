"""Messages as they arrive, for the handlers of any service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from wildrydes.envelope import Envelope
from wildrydes.models import new_id

EnvelopeFactory = Callable[..., Envelope]

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def envelope(*, type_: str, data: dict[str, Any], time: datetime = NOON) -> Envelope:
    return Envelope(
        id=new_id(),
        type=type_,
        kind="event",
        source="//wildrydes.example",
        subject="",
        time=time,
        data=data,
        correlation_id="a-story",
    )


@pytest.fixture
def ride_completed() -> EnvelopeFactory:
    """Return a maker of `v1.ride.completed`; what is given differs from the reference ride."""

    def make(*, time: datetime = NOON, **data: Any) -> Envelope:
        return envelope(
            type_="v1.ride.completed",
            time=time,
            data={
                "ride_completion": str(new_id()),
                "ride": None,
                "from": "Berlin",
                "to": "Frankfurt",
                "duration": 420,
                "distance": 600,
                "customer": "cmr",
                "fare": 256.5,
                "currency": "EUR",
                "fleet": "north",
                "completed_at": NOON.isoformat(),
            }
            | {name.rstrip("_"): str(v) if isinstance(v, UUID) else v for name, v in data.items()},
        )

    return make


@pytest.fixture
def customer_registered() -> EnvelopeFactory:
    """Return a maker of `v1.customer.registered`."""

    def make(*, time: datetime = NOON, **data: Any) -> Envelope:
        return envelope(
            type_="v1.customer.registered",
            time=time,
            data={"customer": "cmr", "email": "cmr@example.org", "name": "Carla"} | data,
        )

    return make
