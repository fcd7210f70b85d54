"""What nobody waits for goes with the next statement, and fails before its block is left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.postgresql import base as stock
from django.db.transaction import TransactionManagementError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from wildrydes import postgres
from wildrydes.postgres import base

from .conftest import last_sent

pytestmark = pytest.mark.django_db(transaction=True)

INSERT = "INSERT INTO said (n) VALUES (%s)"
STOCK = "stock"


@pytest.fixture(autouse=True)
def table(transactional_db: None) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE said (n int UNIQUE)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE said")


def said() -> Sequence[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT n FROM said ORDER BY n")
        return [n for (n,) in cursor.fetchall()]


def say(n: int) -> None:
    postgres.say(INSERT, [n])


def say_in_a_block(*numbers: int) -> None:
    with transaction.atomic():
        for n in numbers:
            say(n)


def test_a_transaction_for_which_nobody_waits_is_sent_at_its_end_all_together(
    observer: psycopg.Connection[Any],
) -> None:
    with transaction.atomic():
        say(1)
        say(2)
        assert "INSERT" not in last_sent(observer)
    assert last_sent(observer) == ["BEGIN", "INSERT", "INSERT", "COMMIT"]
    assert said() == [1, 2]


def test_who_waits_gets_the_result_of_his_own_statement_after_what_was_said(
    observer: psycopg.Connection[Any],
) -> None:
    with transaction.atomic():
        postgres.say("INSERT INTO said (n) VALUES (%s), (7) RETURNING n, 'not asked for'", [1])
        with postgres.ask("SELECT n + %s FROM said ORDER BY n", [10]) as cursor:
            assert cursor.fetchall() == [(11,), (17,)]
            assert cursor.rowcount == 2
        assert last_sent(observer) == ["BEGIN", "INSERT", "SELECT"]


def test_the_words_of_others_travel_alone_after_what_was_said(
    observer: psycopg.Connection[Any],
) -> None:
    with transaction.atomic():
        say(1)
        assert said() == [1]
        assert last_sent(observer) == ["SELECT"]
        with transaction.atomic():
            say(2)
            assert said() == [1, 2]


def test_a_block_in_which_nothing_is_said_is_not_sent(observer: psycopg.Connection[Any]) -> None:
    said()
    with transaction.atomic(), transaction.atomic(), transaction.atomic():
        pass
    assert last_sent(observer) == ["SELECT"]
    with transaction.atomic():
        with transaction.atomic():
            pass
        said()
    assert last_sent(observer) == ["COMMIT"]
    with transaction.atomic():
        with transaction.atomic():
            pass
        say(1)
    assert last_sent(observer) == ["BEGIN", "INSERT", "COMMIT"]


def test_the_end_of_a_block_in_which_all_was_heard_goes_with_the_next_statement(
    observer: psycopg.Connection[Any],
) -> None:
    with transaction.atomic():
        with transaction.atomic():
            said()
        say(1)
        assert last_sent(observer) == ["SELECT"]
    assert last_sent(observer) == ["RELEASE", "INSERT", "COMMIT"]


def test_what_fails_is_raised_by_its_own_block_and_undoes_no_other() -> None:
    with transaction.atomic():
        say(1)
        with pytest.raises(IntegrityError):
            say_in_a_block(2, 1)
        say(3)
    assert said() == [1, 3]


def test_what_was_said_before_a_block_fails_before_it() -> None:
    def begin_a_block() -> None:
        with transaction.atomic():
            say(1)
            say(1)
            with transaction.atomic():
                pytest.fail("the block has begun")

    with pytest.raises(IntegrityError):
        begin_a_block()
    assert said() == []


def test_a_failure_that_is_caught_too_far_inside_is_heard_at_the_end() -> None:
    def catch_too_far_inside() -> None:
        with transaction.atomic():
            say(1)
            say(1)
            with suppress(IntegrityError), transaction.atomic():
                pytest.fail("the block has begun")

    with pytest.raises(InternalError, match="nothing of it can be committed"):
        catch_too_far_inside()
    assert said() == []


def test_what_fails_with_the_commit_leaves_nothing_and_a_connection_that_works() -> None:
    with pytest.raises(IntegrityError):
        say_in_a_block(1, 1)
    assert said() == []


@pytest.mark.parametrize("words", [postgres.ask, postgres.say])
def test_what_travels_with_words_that_cannot_be_read_is_not_committed_in_silence(
    words: Callable[[str, Sequence[Any]], object],
) -> None:
    heard: list[str] = []

    def go_on(*, after: int) -> None:
        with transaction.atomic():
            transaction.on_commit(lambda: heard.append("committed"))
            for n in range(after):
                say(n)
            with suppress(ProgrammingError):
                words("no statement at all", [])
                said()
            with suppress(InternalError), connection.cursor() as cursor:
                cursor.execute(INSERT, [8])
            say(9)
            with suppress(InternalError), transaction.atomic():
                pytest.fail("a block has begun")

    for after in (0, 1):
        with pytest.raises(InternalError, match="nothing of it can be committed"):
            go_on(after=after)
    assert (said(), heard) == ([], [])


def test_what_was_interrupted_before_it_was_sent_is_not_committed_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*statements: str) -> str:
        raise LookupError

    def go_on() -> None:
        with transaction.atomic():
            say(1)
            said()
            say(2)
            with suppress(LookupError), monkeypatch.context() as patched:
                patched.setattr(base, "in_one", interrupt)
                said()

    with pytest.raises(InternalError, match="nothing of it can be committed"):
        go_on()
    assert said() == []


def test_what_was_lost_in_a_block_that_is_undone_is_no_longer_in_the_way() -> None:
    with transaction.atomic():
        say(1)
        with suppress(ProgrammingError), transaction.atomic():
            said()
            postgres.ask("no statement at all", [])
        say(2)
        with suppress(ProgrammingError), transaction.atomic():
            said()
            say(3)
            postgres.ask("no statement at all", [])
        say(4)
    assert said() == [1, 2, 4]


def test_what_was_said_in_a_block_that_is_undone_is_forgotten() -> None:
    with suppress(LookupError), transaction.atomic():
        say(1)
        raise LookupError
    with transaction.atomic():
        say(2)
        with suppress(LookupError), transaction.atomic():
            say(3)
            raise LookupError
    assert said() == [2]


def test_outside_a_transaction_it_is_said_at_once(observer: psycopg.Connection[Any]) -> None:
    say(1)
    assert last_sent(observer) == ["INSERT"]
    with pytest.raises(IntegrityError):
        say(1)


def test_nothing_is_said_in_a_transaction_that_is_broken() -> None:
    def go_on() -> None:
        with transaction.atomic():
            with suppress(LookupError), transaction.atomic(savepoint=False):
                say(1)
                raise LookupError
            say(2)

    with pytest.raises(TransactionManagementError):
        go_on()
    assert said() == []


def test_every_kind_of_cursor_comes_after_what_was_said() -> None:
    with transaction.atomic():
        say(1)
        with connection.cursor() as cursor:
            cursor.executemany("UPDATE said SET n = n + %s", [(1,), (1,)])
        say(10)
        with connection.cursor() as cursor, cursor.copy("COPY said TO STDOUT") as copy:
            assert sorted(row[0] for row in copy.rows()) == ["10", "3"]
        with connection.chunked_cursor() as cursor:
            say(20)
            cursor.execute("SELECT n FROM said ORDER BY n")
            assert [n for (n,) in cursor] == [3, 10, 20]
        say(30)
        with connection.cursor() as cursor:
            assert [n for (n,) in cursor.stream("SELECT max(n) FROM said")] == [30]


def test_a_cursor_of_the_server_lives_as_long_as_its_transaction() -> None:
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        say(1)
        cursor.execute("SELECT n FROM said FOR UPDATE")
        assert cursor.fetchall() == [(1,)]
    with connection.chunked_cursor() as cursor:
        cursor.execute("SELECT n FROM said")
        assert cursor.fetchall() == [(1,)]


def test_what_was_said_before_a_copy_fails_as_everywhere() -> None:
    def copy() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            say(1)
            say(1)
            cursor.copy("COPY said TO STDOUT")

    with pytest.raises(IntegrityError):
        copy()


def test_no_other_thread_says_anything_in_a_transaction() -> None:
    heard: list[BaseException] = []

    def say_something(here: postgres.DatabaseWrapper) -> None:
        try:
            here.say(INSERT, [2])
        except DatabaseError as error:
            heard.append(error)

    with transaction.atomic():
        say(1)
        other = threading.Thread(target=say_something, args=[postgres.here()])
        other.start()
        other.join()
    assert "thread" in str(heard[0])
    assert said() == [1]


def test_a_server_that_goes_away_takes_the_whole_block(observer: psycopg.Connection[Any]) -> None:
    def lose_the_server() -> None:
        pid = connection.connection.info.backend_pid
        with transaction.atomic():
            said()
            say(1)
            observer.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])

    with pytest.raises(OperationalError):
        lose_the_server()
    connection.close_if_unusable_or_obsolete()
    assert said() == []


def test_nothing_is_said_to_a_connection_that_was_closed_in_its_block() -> None:
    def go_on() -> None:
        with transaction.atomic():
            say(1)
            connection.close()
            say(2)

    with pytest.raises(TransactionManagementError):
        go_on()
    assert said() == []


def test_a_transaction_by_hand_is_begun_and_ended_by_its_own_words() -> None:
    connection.set_autocommit(False)
    say(1)
    connection.commit()
    say(2)
    assert said() == [1, 2]
    connection.rollback()
    say(3)
    assert said() == [1, 3]
    connection.rollback()
    assert said() == [1]
    with pytest.raises(ProgrammingError):
        connection.set_autocommit(True)
    connection.rollback()
    connection.set_autocommit(True)
    assert said() == [1]


def test_to_commit_or_roll_back_where_nothing_began_begins_nothing(
    observer: psycopg.Connection[Any],
) -> None:
    for end in (connection.commit, connection.rollback):
        end()
        said()
        assert last_sent(observer) == ["SELECT"]


def test_the_isolation_level_of_the_settings_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    level = psycopg.IsolationLevel.REPEATABLE_READ
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "isolation_level", level)
    connection.close()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("repeatable read",)
    connection.close()


@pytest.mark.parametrize("threshold", [0, None])
def test_a_planned_statement_means_what_its_text_means(
    threshold: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "prepare_threshold", threshold)
    for statement, parameters, meant in (
        ("SELECT %s::int %% 4, %s::text", [7, "100 %s; it's"], (3, "100 %s; it's")),
        ("SELECT 1", [], (1,)),
    ):
        run = postgres.here().planned_once(statement)
        assert (run == statement) is (threshold is None)
        with connection.cursor() as cursor:
            cursor.execute(run, parameters or None)
            assert cursor.fetchone() == meant


def test_another_engine_is_named_and_refused() -> None:
    ours = connections[DEFAULT_DB_ALIAS]
    other = {**connection.settings_dict, "ENGINE": "django.db.backends.postgresql"}
    connections[DEFAULT_DB_ALIAS] = stock.DatabaseWrapper(other)
    try:
        with pytest.raises(ImproperlyConfigured, match=r"ENGINE.*'wildrydes.postgres'"):
            say(1)
    finally:
        connections[DEFAULT_DB_ALIAS] = ours


class Say(NamedTuple):
    """Insert a number, and wait for it or not."""

    n: int
    waits: bool


class Block(NamedTuple):
    """A block, which may raise at its end; whatever it raises is caught around it."""

    steps: Sequence[Any]
    raises: bool


SAYINGS = some.builds(Say, n=some.integers(0, 3), waits=some.booleans())
STEPS = some.recursive(
    some.lists(SAYINGS, max_size=4),
    lambda steps: some.lists(
        SAYINGS | some.builds(Block, steps=steps, raises=some.booleans()), max_size=5
    ),
    max_leaves=20,
)


def carry_out(steps: Sequence[Any], on: str) -> None:
    here: BaseDatabaseWrapper = connections[on]
    for step in steps:
        if isinstance(step, Block):
            with suppress(DatabaseError, LookupError), transaction.atomic(using=on):
                carry_out(step.steps, on)
                if step.raises:
                    raise LookupError
        elif step.waits or on == STOCK:
            with here.cursor() as cursor:
                cursor.execute(INSERT, [step.n])
        else:
            say(step.n)


@pytest.fixture
def stock_connection() -> Iterator[None]:
    connections[STOCK] = stock.DatabaseWrapper(connection.settings_dict, alias=STOCK)
    yield
    connections[STOCK].close()
    del connections[STOCK]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
def test_blocks_leave_what_those_of_django_leave(stock_connection: None, steps: Any) -> None:
    left = []
    for on in (STOCK, DEFAULT_DB_ALIAS):
        with suppress(DatabaseError), transaction.atomic(using=on):
            carry_out(steps, on)
        left.append(said())
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM said")
    assert left[0] == left[1]
