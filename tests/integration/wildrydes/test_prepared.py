"""What every request asks is planned once, and rows are inserted as they were given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import DataError, IntegrityError, close_old_connections, connection, transaction
from psycopg.client_cursor import ClientCursorMixin

from wildrydes import confirming, prepared
from wildrydes.confirming import Assumption
from wildrydes.models import Message, Unrouted, new_id
from wildrydes.postgres import base

pytestmark = pytest.mark.django_db

SAY = "SELECT set_config('wildrydes.said', %s, false)"
MOMENT = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)


def message(**attributes: Any) -> Message:
    given = {"type": "v1.tea.made", "kind": "event", "source": "//test", "data": {}, **attributes}
    return Message(id=new_id(), **given)


def prepared_statements() -> Sequence[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall() if "wildrydes_message" in statement]


def test_every_kind_of_value_arrives_as_it_was_given() -> None:
    data = {"text": 'ü "quoted" \\ ☃', "number": 0.1, "none": None, "list": [1, {"a": True}]}
    row = message(
        data=data, recipients=["a", "b, c"], not_before=MOMENT, causation_id=new_id(), subject="tea"
    )
    prepared.insert([row])

    stored = Message.objects.get(id=row.id)
    for name in ("data", "recipients", "not_before", "causation_id", "subject", "expires_at"):
        assert getattr(stored, name) == getattr(row, name)
    assert stored.published_at is not None


def test_rows_get_their_positions_in_order_in_one_statement() -> None:
    rows = [message(subject=str(number)) for number in range(50)]
    prepared.insert(rows)

    subjects = Message.objects.order_by("position").values_list("subject", flat=True)
    assert list(subjects) == [str(number) for number in range(50)]
    assert Unrouted.objects.count() == 50


def test_a_statement_is_planned_once_however_many_rows_it_takes() -> None:
    prepared.insert([message()])
    planned = prepared_statements()
    (_,) = [statement for statement in planned if "INSERT INTO" in statement]
    for count in (1, 2, 30):
        prepared.insert([message() for _ in range(count)])
    assert prepared_statements() == planned


def test_a_plan_from_when_a_table_was_small_is_not_kept_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def grow(*, to: int) -> None:
        cursor.execute("INSERT INTO growing SELECT generate_series(1, %s)", [to])

    def plan() -> str:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE '%growing%'")
        ((name,),) = cursor.fetchall()
        cursor.execute(f"EXPLAIN EXECUTE {name} (1)")
        return str(cursor.fetchall())

    def find() -> None:
        prepared.execute("SELECT FROM growing WHERE number = %s", [1]).close()

    monkeypatch.setattr(base, "PLANS_LAST_SECONDS", 60.0)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE growing (number int)")
        cursor.execute("CREATE INDEX ON growing (number)")
        grow(to=10)
        cursor.execute("ANALYZE growing")
        for _ in range(10):
            find()
        grow(to=100_000)
        find()
        assert "Seq Scan" in plan()
        monkeypatch.setattr(base, "PLANS_LAST_SECONDS", 0.0)
        find()
        assert "Seq Scan" not in plan()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_replaced_plans_anew() -> None:
    prepared.insert([message()])
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        pid = connection.connection.info.backend_pid
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    close_old_connections()

    prepared.insert([message()])
    assert Message.objects.count() == 2


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the texts that a new connection writes from statements and parameters from now on."""
    write, noted = ClientCursorMixin.mogrify, list[str]()

    def noting(self: Any, statement: Any, parameters: Any = None) -> str:
        noted.append(write(self, statement, parameters))
        return noted[-1]

    monkeypatch.setattr(ClientCursorMixin, "mogrify", noting)
    monkeypatch.setattr(base, "TEXTS_KEPT", 2)
    connection.close()
    return noted


@pytest.mark.django_db(transaction=True)
def test_what_is_said_often_is_written_once_for_each_connection(written: list[str]) -> None:
    for of in ("a", "a", "b", "a", "b"):
        say_often(of)
    assert [text.split("(")[1] for text in written] == ["'a')", "'b')"]

    connection.close()
    say_often("a")
    assert len(written) == 3

    for of in ("b", "c", "a"):
        say_often(of)
    assert len(written) == 6, "only so many texts are kept"


@pytest.mark.django_db(transaction=True)
def test_what_is_assumed_is_written_once(written: list[str]) -> None:
    for _ in range(3):
        with confirming.nothing_assumed(), transaction.atomic():
            confirming.assume(Assumption(SAY, ("so",)))
            confirming.confirm()
    assert len(written) == 1


def say_often(of: str) -> None:
    with transaction.atomic():
        prepared.say(SAY, (of,), often=True)
    with connection.cursor() as cursor:
        cursor.execute("SHOW wildrydes.said")
        assert cursor.fetchone() == (of,)


def test_the_driver_neither_plans_nor_keeps_what_we_say() -> None:
    prepared.insert([message()])
    assert connection.connection.prepare_threshold is None


def test_nothing_is_no_statement() -> None:
    prepared.insert([])
    assert not Message.objects.exists()


@pytest.mark.parametrize("wrong", [{"subject": "x" * 201}, {"data": {"x": float("nan")}}])
def test_what_does_not_fit_is_refused_and_not_cut(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError), transaction.atomic():
        prepared.insert([message(), message(**wrong)])


def test_errors_are_those_of_django() -> None:
    row = message()
    prepared.insert([row])
    with pytest.raises(IntegrityError, match="wildrydes_message_id"), transaction.atomic():
        prepared.insert([row])
