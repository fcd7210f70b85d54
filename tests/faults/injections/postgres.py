"""Harm to Postgres."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, LiteralString

import psycopg

from tests.acceptance.stage import wait_until
from tests.faults.servers import Scene

HELD_SECONDS = 4.0
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = %s AND pid <> pg_backend_pid() AND NOT pid = ANY(%s)
"""


def restart_at_once(scene: Scene) -> float:
    """Stop Postgres in immediate mode, without a checkpoint, and start it again."""
    os.kill(scene.postgres.pid, signal.SIGQUIT)
    wait_until(lambda: not scene.postgres.is_running, what="Postgres has stopped")
    scene.postgres.start()
    return time.time()


def kill_and_start(scene: Scene) -> float:
    """End Postgres as kill -9 does, and start it again."""
    scene.postgres.kill()
    scene.postgres.start()
    return time.time()


def terminate_backends(scene: Scene) -> float:
    """End every connection of the deployment, whatever it is doing."""
    with scene.sql() as connection:
        connection.execute(TERMINATE, [scene.database, []])
    return time.time()


def lock_table(table: LiteralString, *, seconds: float = HELD_SECONDS) -> Callable[[Scene], float]:
    """Return a fault: a session holds a table locked against everyone for a while."""

    def inject(scene: Scene) -> float:
        with scene.sql() as connection, connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '20s'")
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            time.sleep(seconds)
        return time.time()

    return inject


def lock_rows(scene: Scene) -> float:
    """Hold the rows that handlers and relays change locked for a while."""
    with scene.sql() as connection, connection.transaction():
        connection.execute("SELECT 1 FROM customer_loyalty_loyaltyaccount FOR UPDATE")
        connection.execute("SELECT 1 FROM wildrydes_dispatch FOR UPDATE")
        time.sleep(HELD_SECONDS)
    return time.time()


def exhaust_connections(scene: Scene) -> float:
    """Take every place that Postgres has for a client, for a while."""
    with _all_places(scene):
        time.sleep(HELD_SECONDS)
    return time.time()


@contextmanager
def _all_places(scene: Scene) -> Iterator[None]:
    with ExitStack() as stack:
        admin = stack.enter_context(scene.sql())
        taken: list[psycopg.Connection[Any]] = []
        for _ in range(3):
            while (connection := _connect(scene)) is not None:
                taken.append(stack.enter_context(connection))
            ours = [connection.info.backend_pid for connection in taken]
            admin.execute(TERMINATE, [scene.database, ours])
        yield


def _connect(scene: Scene) -> psycopg.Connection[Any] | None:
    try:
        return scene.sql()
    except psycopg.OperationalError:
        return None
