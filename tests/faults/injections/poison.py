"""Harm by messages whose handlers raise, exit, hang or eat memory."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.faults.servers import Scene

GROUPS = 10


def send(behaviour: str, *, innocent: int = 60, poisonous: int = 1) -> Callable[[Scene], float]:
    """Return a fault: events, among them some whose handlers behave so."""

    def inject(scene: Scene) -> float:
        items = [{"group": f"group{n % GROUPS}", "behaviour": "work"} for n in range(innocent)]
        for number in range(poisonous):
            poison = {"group": f"poisoned{number}", "behaviour": behaviour}
            items.insert(scene.random.randrange(len(items)), poison)
            items.append({**poison, "behaviour": "work"})
        scene.deployment.post("/api/v1/probe-events", {"items": items})
        return time.time()

    return inject
