"""A kept connection is asked for a sign of life when there is reason to, and only then."""

from __future__ import annotations

import select
from typing import Any

import psycopg
import pytest
from django.db import close_old_connections, connection

from wildrydes.postgres import base

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "SELECT 1"
WAIT_MS = 10_000


@pytest.fixture
def pid() -> int:
    """Return the process that serves the connection under test, which was just used."""
    close_old_connections()
    assert answer() == 42
    return int(connection.connection.info.backend_pid)


def answer() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        return int(cursor.fetchone()[0])


def last_asked(observer: psycopg.Connection[Any], pid: int) -> str:
    look = "SELECT query FROM pg_stat_activity WHERE pid = %s"
    (query,) = observer.execute(look, [pid]).fetchone() or ("",)
    return str(query)


def begin_next_request() -> None:
    close_old_connections()
    connection.close_if_health_check_failed()


def test_a_connection_that_the_server_has_ended_is_replaced_unnoticed(
    observer: psycopg.Connection[Any], pid: int
) -> None:
    poll = select.poll()
    poll.register(connection.connection.fileno(), select.POLLIN)
    observer.execute("SELECT pg_terminate_backend(%s)", [pid])
    assert poll.poll(WAIT_MS)

    close_old_connections()
    assert answer() == 42
    assert connection.connection.info.backend_pid != pid


def test_a_connection_that_was_just_used_is_not_asked(
    observer: psycopg.Connection[Any], pid: int
) -> None:
    begin_next_request()
    assert last_asked(observer, pid) == "SELECT 42"


def test_a_connection_that_was_idle_is_asked(
    observer: psycopg.Connection[Any], pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "IDLE_SECONDS", 0.0)
    begin_next_request()
    assert last_asked(observer, pid) == ASKED


def test_a_connection_on_which_something_came_unasked_is_asked(
    observer: psycopg.Connection[Any], pid: int
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN something")
    poll = select.poll()
    poll.register(connection.connection.fileno(), select.POLLIN)
    observer.execute("NOTIFY something")
    assert poll.poll(WAIT_MS)

    begin_next_request()
    assert last_asked(observer, pid) == ASKED
    connection.close()
