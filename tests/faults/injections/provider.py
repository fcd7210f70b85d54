"""Harm by the payment provider: it is down, out of its mind, or dies."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.faults.payers import MOODY, VISA
from tests.faults.servers import Scene

MOOD_SECONDS = 1.6
MOODS = (
    {"behaviour": "decline", "operation": "authorise"},
    {"behaviour": "decline", "operation": "capture"},
    {"behaviour": "decline", "operation": "refund"},
    {"behaviour": "hang", "operation": "authorise"},
    {"behaviour": "hang", "operation": "capture"},
    {"behaviour": "slow"},
)


def down(seconds: float) -> Callable[[Scene], float]:
    """Return a fault: the provider answers 503 to everybody for a while."""

    def inject(scene: Scene) -> float:
        return _for_a_while(scene, seconds, down=True)

    return inject


def behaves(behaviour: str, *, seconds: float) -> Callable[[Scene], float]:
    """Return a fault: the provider behaves so towards every ordinary card for a while."""

    def inject(scene: Scene) -> float:
        return _for_a_while(scene, seconds, rules=[{"token": VISA, "behaviour": behaviour}])

    return inject


def is_moody(scene: Scene) -> float:
    """Let one customer's card go through everything that a card can do wrong."""
    ended = [
        _for_a_while(scene, MOOD_SECONDS, hang=6, rules=[{"customer": MOODY.name, **mood}])
        for mood in MOODS
    ]
    return ended[-1]


def kill_and_start(scene: Scene) -> float:
    """End the provider as kill -9 does, and start it again with its books."""
    scene.sandbox.kill()
    scene.sandbox.start()
    return time.time()


def _for_a_while(scene: Scene, seconds: float, **wanted: Any) -> float:
    scene.sandbox.control(**wanted)
    time.sleep(seconds)
    scene.sandbox.behave()
    return time.time()
