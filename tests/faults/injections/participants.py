"""Harm by those who take part in sagas: down for a long while."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from tests.faults.servers import Scene


def down(name: str, *, seconds: float) -> Callable[[Scene], float]:
    """Return a fault: a worker is stopped for so long that everybody has given it up."""

    def inject(scene: Scene) -> float:
        group = scene.deployment.processes[name].pid
        os.killpg(group, signal.SIGSTOP)
        time.sleep(seconds)
        ended_at = time.time()
        os.killpg(group, signal.SIGCONT)
        return ended_at

    return inject
