"""Rides as callers send them."""

from __future__ import annotations

from typing import Any

import pytest

RIDE = {
    "from": "Berlin",
    "to": "Frankfurt",
    "duration": 420,
    "distance": 600,
    "customer": "cmr",
    "fare": 256.50,
}


@pytest.fixture
def ride() -> dict[str, Any]:
    """Return the reference ride."""
    return dict(RIDE)
