"""Harm to our own processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.servers import Scene

PAST_THE_LEASE = 6.5
BETWEEN_SIGNALS = 0.05
REACHED_SECONDS = 20.0


class NotReachedError(Exception):
    """A crash point was not reached by the process that was to die there."""


def kill_a_worker(scene: Scene) -> float:
    """End one worker as kill -9 does."""
    return scene.deployment.kill_hard(scene.random.choice(scene.deployment.worker_names))


def kill_any(scene: Scene) -> float:
    """End one process of any kind as kill -9 does."""
    return scene.deployment.kill_hard(scene.random.choice(scene.deployment.names))


def kill_any_in_a_while(scene: Scene) -> float:
    """End one process of any kind as kill -9 does, at a moment that nobody knows before."""
    time.sleep(scene.random.uniform(0.2, 1.2))
    return kill_any(scene)


def kill_all(scene: Scene) -> float:
    """End every process as kill -9 does, at once."""
    return max([scene.deployment.kill_hard(name) for name in scene.deployment.names])


def stop_each(scene: Scene) -> float:
    """Send SIGTERM to every process, one after the other has gone."""
    return _signal_each(scene, signal.SIGTERM)


def stop_each_twice(scene: Scene) -> float:
    """Send SIGTERM to every process, and again before it can have gone."""
    return _signal_each(scene, signal.SIGTERM, signal.SIGTERM)


def quit_each(scene: Scene) -> float:
    """Send SIGQUIT to every process: Celery's cold shutdown."""
    return _signal_each(scene, signal.SIGQUIT)


@contextmanager
def all_frozen(scene: Scene, kind: str) -> Iterator[None]:
    """SIGSTOP every process of that kind for the block: what is sent to them stays on the wire."""
    names = [name for name in scene.deployment.names if name.startswith(kind)]
    for name in names:
        _signal_group(scene, name, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in names:
            _signal_group(scene, name, signal.SIGCONT)


def freeze(kind: str) -> Callable[[Scene], float]:
    """Return a fault: SIGSTOP a process of that kind for longer than any lease, then SIGCONT."""

    def inject(scene: Scene) -> float:
        names = [name for name in scene.deployment.names if name.startswith(kind)]
        name = scene.random.choice(names)
        _signal_group(scene, name, signal.SIGSTOP)
        time.sleep(PAST_THE_LEASE)
        ended_at = time.time()
        _signal_group(scene, name, signal.SIGCONT)
        return ended_at

    return inject


def restart_all_in_turn(scene: Scene) -> float:
    """Stop in order and start again one process after the other, as a deployment does."""
    for name in scene.deployment.names:
        scene.deployment.restart(name)
        time.sleep(0.5)
    return time.time()


def crash_at(
    point: str, *, name: str, nth: int, provoke: Callable[[Scene], object] | None = None
) -> Callable[[Scene], float]:
    """Return a fault: a process dies at a crash point, and is started again without it.

    `provoke` is called again and again until it has, where ordinary load does not lead there.
    """

    def inject(scene: Scene) -> float:
        since = len(scene.deployment.deaths)
        scene.deployment.arm(name, point, nth)
        deadline = time.monotonic() + REACHED_SECONDS
        while time.monotonic() < deadline:
            if provoke is not None:
                provoke(scene)
            death = scene.deployment.wait_for_death(name, since=since, seconds=1)
            if death is not None:
                return death.at
        scene.deployment.disarm(name)
        raise NotReachedError(f"{point} was not reached {nth} times by {name}")

    return inject


def _signal_each(scene: Scene, *numbers: signal.Signals) -> float:
    for name in scene.deployment.names:
        since = len(scene.deployment.deaths)
        for number in numbers:
            if len(scene.deployment.deaths) == since:
                scene.deployment.send(name, number)
                time.sleep(BETWEEN_SIGNALS)
        died = scene.deployment.wait_for_death(name, since=since, seconds=20)
        assert died is not None, f"{name} did not end after {numbers}"
    return time.time()


def _signal_group(scene: Scene, name: str, number: signal.Signals) -> None:
    os.killpg(scene.deployment.processes[name].pid, number)
