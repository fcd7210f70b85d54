"""A kept connection is asked for a sign of life when there is reason to, and only then."""

from __future__ import annotations

import select
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import DataError, close_old_connections, connection

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


MOMENTS = (
    datetime(2026, 11, 22, 17, 13, 25, tzinfo=UTC),
    datetime(2026, 11, 22, 17, 13, 25, 100_000, tzinfo=UTC),
    datetime(2026, 11, 22, 17, 13, 25, 123_456, tzinfo=UTC),
    datetime(2026, 11, 22, 17, 13, 25, 1, tzinfo=UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
)


@pytest.mark.django_db
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_time_is_read_as_it_was_written(moment: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [moment])
        ((found,),) = cursor.fetchall()
    assert found == moment
    assert found.tzinfo is UTC


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["Africa/Johannesburg", "Asia/Kathmandu", "America/St_Johns"])
def test_a_time_is_the_same_in_a_session_with_another_zone(zone: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [zone])
        cursor.execute("SELECT %s::timestamptz", [MOMENTS[2]])
        ((found,),) = cursor.fetchall()
    assert found == MOMENTS[2]


@pytest.mark.django_db
@pytest.mark.parametrize("moment", ["infinity", "0044-03-15 12:00:00+00 BC", "10001-01-01"])
def test_a_time_that_python_does_not_have_is_an_error_that_names_it(moment: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [moment])
        with pytest.raises(DataError, match="timestamp too"):
            cursor.fetchall()
