"""`manage.py lake`: ask the lake, and keep it in order."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.datalake_ingestion import answers, asking, printing, queries
from apps.datalake_ingestion.lake import open_lake
from apps.datalake_ingestion.operations import archiving, backfilling, compacting
from apps.datalake_ingestion.operations.archiving import Archived
from apps.datalake_ingestion.operations.backfilling import Backfilled
from wildrydes.errors import ConfigurationError
from wildrydes.management import ages, moments

BROKEN_OFF = 130
REFUSALS = (asking.QuestionError, compacting.LakeError, ConfigurationError)


class Command(BaseCommand):
    """Query, count, compact, backfill the lake; archive messages into it."""

    help = (
        "Ask the lake questions in SQL, say what is in it, put small files together. Whatever "
        "changes files may be broken off at any time, and goes on when it is run again. "
        "Exit status 0, 1 when it is refused, 130 when it was broken off."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add one parser for each thing to do."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        query = actions.add_parser("query", help="ask in SQL: the view events, and one a type")
        query.add_argument("sql", metavar="SELECT", help="one question; only reading is allowed")
        query.add_argument("--format", choices=printing.FORMATS, default="table")
        ready = actions.add_parser("answer", help="ask a question that is ready, by name")
        ready.add_argument("name", choices=[question.name for question in answers.QUESTIONS])
        ready.add_argument("--since", default="30d", metavar="WHEN", help=moments.FORMS)
        ready.add_argument("--format", choices=printing.FORMATS, default="table")
        _add(actions, "stats", "say what the lake has of each type, by its table")
        compact = _add(actions, "compact", "put small files of one type and day together")
        compact.add_argument(
            "--older-than", default="0s", metavar="AGE", help=f"{ages.FORMS} (default: any)"
        )
        _add_dry_run(compact)
        backfill = _add(actions, "backfill", "put into the lake what the log has and it has not")
        backfill.add_argument("--since", required=True, metavar="WHEN", help=moments.FORMS)
        backfill.add_argument("--until", metavar="WHEN", help="until before that (default: now)")
        backfill.add_argument(
            "--type", action="append", default=[], metavar="TYPE", help="only this; may be repeated"
        )
        _add_dry_run(backfill)
        archive = _add(actions, "archive", "move old messages from the log into the archive")
        archive.add_argument(
            "--older-than", default="90d", metavar="AGE", help=f"{ages.FORMS} (default: 90d)"
        )
        _add_dry_run(archive)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        try:
            getattr(self, f"_{options['action']}")(options)
        except REFUSALS as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stderr.write("Broken off. Run it again to go on.")
            sys.exit(BROKEN_OFF)

    def _query(self, options: dict[str, Any]) -> None:
        answer = asking.ask(options["sql"], lake=open_lake(settings.LAKE_URL))
        self.stdout.write(printing.printed(answer, form=options["format"]), ending="")

    def _answer(self, options: dict[str, Any]) -> None:
        since = moments.read(options["since"], option="--since")
        lake, question = open_lake(settings.LAKE_URL), answers.named(options["name"])
        found = answers.answer(question, since=since, lake=lake)
        self.stdout.write(printing.printed(found, form=options["format"]), ending="")

    def _stats(self, options: dict[str, Any]) -> None:
        types, waiting = queries.stats(), queries.on_their_way()
        if options["json"]:
            self.stdout.write(printing.as_json({"types": types, "on_their_way": waiting}))
            return
        self.stdout.write(printing.as_table(types), ending="")
        self.stdout.write(f"{waiting['events']} events are on their way to the lake")

    def _compact(self, options: dict[str, Any]) -> None:
        age = ages.read(options["older_than"], option="--older-than")
        now = timezone.now()
        if options["dry_run"]:
            found = compacting.foreseen(until=now - age)
        else:
            lake = open_lake(settings.LAKE_URL)
            found = [file.merges for file in compacting.compact(lake=lake, older_than=age, now=now)]
        if options["json"]:
            counts = {"files": len(found), "merged": sum(found), "dry_run": options["dry_run"]}
            self.stdout.write(printing.as_json(counts))
            return
        verb = "would become" if options["dry_run"] else "became"
        self.stdout.write(f"{sum(found)} files {verb} {len(found)}")

    def _backfill(self, options: dict[str, Any]) -> None:
        now = timezone.now()
        done = Backfilled()
        for done in backfilling.backfill(  # noqa: B007 - the last one is what is told
            since=moments.read(options["since"], option="--since"),
            until=moments.read(options["until"], option="--until") if options["until"] else now,
            only=_types(options["type"]),
            lake=open_lake(settings.LAKE_URL),
            now=now,
            dry_run=options["dry_run"],
        ):
            pass
        if options["json"]:
            counts = {**dataclasses.asdict(done), "dry_run": options["dry_run"]}
            self.stdout.write(printing.as_json(counts))
            return
        verb = "would be added" if options["dry_run"] else "added"
        self.stdout.write(
            f"{done.added} events {verb}, of {done.looked_at} looked at; "
            f"{done.lost_files} files were lost"
        )

    def _archive(self, options: dict[str, Any]) -> None:
        age = ages.read(options["older_than"], option="--older-than")
        done = Archived()
        if options["dry_run"]:
            done = archiving.foreseen(older_than=age)
        else:
            lake = open_lake(settings.LAKE_URL)
            for done in archiving.archive(  # noqa: B007 - the last one is what is told
                older_than=age, lake=lake, now=timezone.now()
            ):
                pass
        if options["json"]:
            counts = {**dataclasses.asdict(done), "dry_run": options["dry_run"]}
            self.stdout.write(printing.as_json(counts))
            return
        verb = "would be archived" if options["dry_run"] else "archived"
        self.stdout.write(
            f"{done.messages} messages {verb} in {done.files} files; "
            f"{done.purged} have gone from the log"
        )


def _types(given: list[str]) -> list[str]:
    known = backfilling.types()
    for type_ in given:
        if type_ not in known:
            raise CommandError(f"--type: {type_!r} does not go to the lake")
    return given or list(known)


def _add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")


def _add(actions: Any, name: str, help_: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=help_)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser
