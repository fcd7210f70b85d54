"""Harm to Redis."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from tests.faults.servers import Scene

DOWN_SECONDS = 1.0
FULL_SECONDS = 4.0


def kill_and_start(scene: Scene) -> float:
    """End Redis as a power cut does; start it again a moment later, with what it kept, if any."""
    scene.valkey.kill()
    time.sleep(DOWN_SECONDS)
    scene.valkey.start()
    return time.time()


def flush(scene: Scene) -> float:
    """Empty Redis."""
    scene.redis().flushall()
    return time.time()


def delete(pattern: str) -> Callable[[Scene], float]:
    """Return a fault: delete only the keys that match."""

    def inject(scene: Scene) -> float:
        client = scene.redis()
        for key in client.scan_iter(pattern):
            client.delete(key)
        return time.time()

    return inject


def pause(seconds: float) -> Callable[[Scene], float]:
    """Return a fault: Redis answers nobody for a while."""

    def inject(scene: Scene) -> float:
        scene.redis().client_pause(int(seconds * 1000))
        time.sleep(seconds)
        return time.time()

    return inject


def freeze(seconds: float) -> Callable[[Scene], float]:
    """Return a fault: Redis is stopped by SIGSTOP for a while."""

    def inject(scene: Scene) -> float:
        os.kill(scene.valkey.pid, signal.SIGSTOP)
        time.sleep(seconds)
        ended_at = time.time()
        os.kill(scene.valkey.pid, signal.SIGCONT)
        return ended_at

    return inject


def fill(scene: Scene) -> float:
    """Let Redis be full, so that it refuses every write, for a while."""
    client = scene.redis()
    client.config_set("maxmemory", "1")
    time.sleep(FULL_SECONDS)
    client.config_set("maxmemory", "0")
    return time.time()
