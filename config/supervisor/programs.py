"""The child processes of the platform: web, relay, workers, Flower, the payment sandbox."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from config.env import PROJECT_ROOT, Environment
from config.supervisor import credentials, services
from wildrydes import topology

PYTHON = sys.executable
SANDBOX = "payment_sandbox"
CELERY = (PYTHON, "-m", "celery", "-A", "config")


def web(env: Environment) -> services.ChildProcess:
    """Return the HTTP server: one process; its reception has eight threads.

    Only one of them runs Python at a time. On one processor they hand over to each other for next
    to nothing; spread over several, half of a request's cost is that they wake each other.
    """
    command = (
        *(PYTHON, "-m", "granian", "--interface", "asginl", "config.asgi:application"),
        *("--host", env.host, "--port", str(env.port)),
        *("--workers", "1", "--no-ws", "--workers-kill-timeout", "2"),
    )
    processor = _processor_of(env.port) if env.pin_web else None
    return _child(env, name="web", command=command, processor=processor)


def relay(env: Environment) -> services.ChildProcess:
    """Return the process that takes messages from Postgres to the wire."""
    manage = str(PROJECT_ROOT / "manage.py")
    return _child(env, name="relay", command=(PYTHON, manage, "relay"))


def workers(env: Environment, plan: topology.Topology) -> list[services.ChildProcess]:
    """Return the worker processes that the topology asks for, named after their group.

    Without gossip and mingle, which would only let workers talk about each other; with
    heartbeats and task events, which Flower shows.
    """
    return [
        _worker(env, name=f"{group.name}{number}", queues=group.queues)
        for group in plan.workers
        for number in range(1, group.processes + 1)
    ]


def flower(env: Environment) -> services.ChildProcess:
    """Return Flower, on loopback: some of its pages ask for no password."""
    command = (*CELERY, "flower", "--address=127.0.0.1", f"--port={env.flower_port}")
    secret = credentials.flower_credentials(env.state_dir)
    return _child(env, name="flower", command=command, FLOWER_BASIC_AUTH=str(secret))


def sandbox(env: Environment) -> services.ChildProcess:
    """Return the payment provider to rehearse with, on loopback."""
    manage = str(PROJECT_ROOT / "manage.py")
    return _child(env, name=SANDBOX, command=(PYTHON, manage, "payment_sandbox"))


def _processor_of(port: int) -> int | None:
    """Return the processor for whoever listens there; with the next port it is the next one."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[port % len(allowed)]


def _worker(env: Environment, *, name: str, queues: tuple[str, ...]) -> services.ChildProcess:
    command = (
        *(*CELERY, "worker", "--pool", "solo", "--queues", ",".join(queues)),
        *("-n", f"{name}@%h", "-E", "--without-gossip", "--without-mingle"),
        *("--loglevel", env.log_level.lower()),
    )
    return _child(env, name=name, command=command)


def _child(
    env: Environment,
    *,
    name: str,
    command: tuple[str, ...],
    processor: int | None = None,
    **environment: str,
) -> services.ChildProcess:
    return services.ChildProcess(
        name=name,
        command=command,
        cwd=Path(PROJECT_ROOT),
        log_file=env.layout.logs_dir / f"{name}.log",
        environment=environment,
        processor=processor,
    )
