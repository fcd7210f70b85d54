"""The lake answers questions in SQL, across versions of a message, and lets nothing be changed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from apps.datalake_ingestion import asking, printing
from apps.datalake_ingestion.asking import Answer
from apps.datalake_ingestion.lake import open_lake
from apps.datalake_ingestion.models import LakeFile
from apps.datalake_ingestion.operations import collecting, compacting
from wildrydes.envelope import Envelope

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("lake_directory")]

Make = Callable[..., Envelope]
Ingest = Callable[..., None]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ask(sql: str) -> list[tuple[Any, ...]]:
    return list(asking.ask(sql, lake=open_lake(settings.LAKE_URL)).rows)


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command("lake", *arguments, stdout=output)
    return output.getvalue()


def version_2(event: Envelope, **data: Any) -> Envelope:
    return replace(event, type="v2.ride.completed", data=data)


def test_every_event_is_a_row_with_its_data_as_json(
    ride_completed: Make, customer_registered: Make, ingest: Ingest
) -> None:
    ingest([ride_completed(fare=10), ride_completed(fare=2.5)], [customer_registered()])

    fares = "SELECT sum((data->>'fare')::DECIMAL(9,2)) FROM events WHERE type LIKE '%ride.%'"
    assert ask("SELECT count(*) FROM events") == [(3,)]
    assert ask(fares) == [(Decimal("12.50"),)]
    assert ask("SELECT DISTINCT day FROM events") == [(NOON.date(),)]


def test_each_type_has_a_view_with_a_column_for_each_field(
    ride_completed: Make, ingest: Ingest
) -> None:
    ride = ride_completed(fare=10, to="Köln")
    ingest([ride])

    (row,) = ask('SELECT id, version, "to", fare, correlation_id FROM ride_completed')

    assert row == (str(ride.id), 1, "Köln", 10, "a-story")


def test_versions_of_a_type_are_one_view_and_what_one_lacks_is_null(
    ride_completed: Make, ingest: Ingest
) -> None:
    ingest([ride_completed(fare=10)])
    ingest([version_2(ride_completed(), fare=20, tip=3, route={"via": ["Hof"]})])

    rows = ask("SELECT version, fare, tip, route.via[1], fleet FROM ride_completed ORDER BY 1")

    assert rows == [(1, 10, None, None, "north"), (2, 20, 3, "Hof", None)]


def test_a_field_that_is_named_like_the_envelope_or_is_of_many_kinds_can_be_asked_for(
    ride_completed: Make, ingest: Ingest
) -> None:
    ingest([version_2(ride_completed(), id="x", day=1), version_2(ride_completed(), day="two")])

    rows = ask("SELECT data_id, data_day::VARCHAR FROM ride_completed ORDER BY 2")

    assert rows == [(None, '"two"'), ("x", "1")]


def test_a_name_that_would_break_out_of_the_view_is_only_a_name(
    ride_completed: Make, ingest: Ingest
) -> None:
    ingest([version_2(ride_completed(), **{'a"b': 1, "it's": 2})])

    assert ask('SELECT "a""b", "it\'s" FROM ride_completed') == [(1, 2)]


def test_names_that_cannot_be_columns_spoil_no_question(
    ride_completed: Make, ingest: Ingest
) -> None:
    ingest([version_2(ride_completed(), **{"": 0, "Tip": 1, "tip": 2, "x": {"y": 1, "Y": 2}})])

    assert ask("SELECT tip, x->>'Y', data->>'tip' FROM ride_completed") == [(1, "2", "2")]


def test_events_that_say_nothing_can_be_asked_for(ride_completed: Make, ingest: Ingest) -> None:
    ingest([version_2(ride_completed())])

    assert ask("SELECT version FROM ride_completed") == [(2,)]


def test_a_lake_without_events_answers_too() -> None:
    assert ask("SELECT count(*) FROM events") == [(0,)]


@pytest.mark.parametrize(
    "sql",
    [
        "COPY events TO '{path}'",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW events",
        "ATTACH '{path}'",
        "INSTALL httpfs",
        "SET lock_configuration = false",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_text('{path}')",
        "SELECT * FROM read_parquet('{path}')",
        "SELECT * FROM settings",
        "SELECT nothing FROM events",
        "SELEC 1",
        "",
    ],
)
def test_what_is_not_one_question_to_the_lake_is_refused(tmp_path: Path, sql: str) -> None:
    file = tmp_path / "mine"
    file.write_text("mine")

    with pytest.raises(asking.QuestionError):
        ask(sql.format(path=file))

    assert file.read_text() == "mine"


@pytest.mark.django_db(transaction=True)
def test_a_question_during_which_files_are_put_together_is_asked_anew(
    ride_completed: Make, ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest([ride_completed()], [ride_completed()])
    original = asking._ask
    tries: list[object] = []

    def compact_first(*arguments: Any, **named: Any) -> Answer:
        if not tries:
            list(compacting.compact(lake=named["lake"], now=NOON + timedelta(days=1)))
        tries.append(arguments)
        return original(*arguments, **named)

    monkeypatch.setattr(asking, "_ask", compact_first)

    assert ask("SELECT count(*) FROM events") == [(2,)]
    assert len(tries) == 2


def test_the_command_answers_in_each_format(ride_completed: Make, ingest: Ingest) -> None:
    ingest([ride_completed(fare=10, to="Köln")])
    sql = 'SELECT "to", fare, ride, time FROM ride_completed'

    table = run("query", sql).splitlines()
    assert [line.split() for line in table[::2]] == [
        ["to", "fare", "ride", "time"],
        ["Köln", "10", "–", "2026-03-01", "12:00:00+00:00"],
    ]
    (row,) = csv.DictReader(io.StringIO(run("query", sql, "--format", "csv")))
    assert row == {"to": "Köln", "fare": "10", "ride": "", "time": "2026-03-01 12:00:00+00:00"}
    assert json.loads(run("query", sql, "--format", "json")) == [
        {"to": "Köln", "fare": 10, "ride": None, "time": "2026-03-01T12:00:00+00:00"}
    ]


def test_the_command_says_why_it_refuses() -> None:
    with pytest.raises(CommandError, match="only read"):
        run("query", "DELETE FROM events")


def test_the_statistics_are_those_of_the_table(
    ride_completed: Make, customer_registered: Make, ingest: Ingest
) -> None:
    ingest([ride_completed(), ride_completed()], [ride_completed(time=NOON + timedelta(days=1))])
    collecting.collect_events(events=[customer_registered()], now=NOON)

    found = json.loads(run("stats", "--json"))

    (rides,) = found["types"]
    assert (rides["type"], rides["files"], rides["events"]) == ("v1.ride.completed", 2, 3)
    assert (rides["first_day"], rides["last_day"]) == ("2026-03-01", "2026-03-02")
    sizes = LakeFile.objects.filter(type=rides["type"]).values_list("bytes", flat=True)
    assert rides["total_bytes"] == sum(size or 0 for size in sizes)
    assert found["on_their_way"]["events"] == 1
    assert "1 events are on their way" in run("stats")


def test_compaction_by_command_counts_what_it_does(ride_completed: Make, ingest: Ingest) -> None:
    ingest([ride_completed()], [ride_completed()], [ride_completed()])

    assert "3 files would become 1" in run("compact", "--dry-run")
    assert LakeFile.objects.count() == 3
    assert json.loads(run("compact", "--json")) == {"files": 1, "merged": 3, "dry_run": False}
    assert "0 files became 0" in run("compact")


def test_bytes_and_decimals_are_printed_as_text() -> None:
    answer = Answer(("a", "b"), ((b"\x00\xff", Decimal("1.10")),))

    assert printing.printed(answer, form="json") == '[{"a":"00ff","b":"1.10"}]\n'
