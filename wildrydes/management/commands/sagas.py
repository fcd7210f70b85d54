"""`manage.py sagas`: look at sagas, have something done to them, draw and record them."""

from __future__ import annotations

import argparse
import getpass
import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from wildrydes import saga as sagas
from wildrydes.models import Saga
from wildrydes.saga import definition, graph, picture, reading, telling

LISTED = 100


class Command(BaseCommand):
    """List, show, draw and record sagas; retry, skip, supply, force forward or back, cancel."""

    help = (
        "Look at the sagas of this database, have something done to one, or record what happened. "
        "A saga is named by its id, or by its key where only one has it. Everything that changes "
        "something is on record with --by and --reason. Exit status 1 when a command is refused."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add one parser for each thing to do."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        _add_list(actions)
        _add(actions, "show", "show all that is known of a saga, with its history")
        _add_writing(actions, "draw", "draw a saga as SVG: its steps, and how each stands")
        _add_writing(actions, "record", "write a saga's history as a file that can be replayed")
        _add_order(actions, "retry", "let a stuck saga try again where it is stuck")
        skip = _add_order(actions, "skip", "let a saga go on without a step, or its compensation")
        skip.add_argument("--step", required=True, help="which step")
        supply = _add_order(actions, "supply", "say what a step has come to, for its participant")
        supply.add_argument("--step", required=True, help="which step")
        supply.add_argument(
            "--result", default="{}", metavar="JSON", help="a JSON object (default: {})"
        )
        _add_order(actions, "force-forward", "let a saga that goes back go forward again")
        _add_order(actions, "force-back", "let a saga turn round, also behind its pivot")
        _add_order(actions, "cancel", "let a saga turn round that has not passed its pivot")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        try:
            getattr(self, f"_{options['action'].replace('-', '_')}")(options)
        except sagas.SagaError as error:
            raise CommandError(str(error)) from error

    def _list(self, options: dict[str, Any]) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1")
        given = {name: options[name] for name in ("definition", "status", "key", "limit")}
        found = list(reading.select(**given))
        texts = list(telling.lines(found)) or ["There are no such sagas."]
        self._tell(options, [telling.summary(saga) for saga in found], *texts)

    def _show(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        self._tell(options, telling.whole(saga), *telling.story(saga))

    def _draw(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        outline = picture.outline(
            definition.find(saga.definition, saga.version),
            name=saga.definition,
            state=reading.state_of(saga),
            entries=reading.entries_of(saga),
            now=timezone.now(),
        )
        self._write(options, saga, graph.draw(outline, standalone=True))

    def _record(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        history = reading.history_of(saga).to_data()
        self._write(options, saga, json.dumps(history, indent=2, ensure_ascii=False))

    def _write(self, options: dict[str, Any], saga: Saga, text: str) -> None:
        if options["output"] is None:
            self.stdout.write(text)
            return
        try:
            options["output"].write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(f"--output: {error}") from error
        told = {"saga": str(saga.id), "output": str(options["output"])}
        self._tell(options, told, f"Wrote {options['output']}.")

    def _retry(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        sagas.retry(saga.id, by=options["by"], reason=options["reason"])
        self._tell_what_became(options, saga)

    def _skip(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        sagas.skip(saga.id, step=options["step"], by=options["by"], reason=options["reason"])
        self._tell_what_became(options, saga)

    def _supply(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        sagas.supply(
            saga.id,
            step=options["step"],
            result=_result(options["result"]),
            by=options["by"],
            reason=options["reason"],
        )
        self._tell_what_became(options, saga)

    def _force_forward(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        sagas.force_forward(saga.id, by=options["by"], reason=options["reason"])
        self._tell_what_became(options, saga)

    def _force_back(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        sagas.force_back(saga.id, by=options["by"], reason=options["reason"])
        self._tell_what_became(options, saga)

    def _cancel(self, options: dict[str, Any]) -> None:
        saga = _named(options["saga"])
        sagas.cancel(saga.id, by=options["by"], reason=options["reason"])
        self._tell_what_became(options, saga)

    def _tell_what_became(self, options: dict[str, Any], saga: Saga) -> None:
        saga.refresh_from_db()
        self._tell(options, telling.summary(saga), *telling.lines([saga]))

    def _tell(self, options: dict[str, Any], as_json: object, *texts: str) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(as_json, indent=2))
            return
        for text in texts:
            self.stdout.write(text)


def _named(text: str) -> Saga:
    found = list(Saga.objects.filter(reading.named(text)).order_by("-id")[:2])
    if not found:
        raise CommandError(f"there is no saga {text!r}")
    if len(found) > 1:
        raise CommandError(f"more than one saga has the key {text!r}: name it by its id")
    return found[0]


def _result(text: str) -> dict[str, Any]:
    try:
        result = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--result: not JSON: {error}") from error
    if not isinstance(result, dict):
        raise CommandError("--result: not a JSON object, such as {}")
    return result


def _add_list(actions: Any) -> None:
    parser = _parser(actions, "list", "list sagas, the newest first")
    parser.add_argument("--definition", default="", metavar="NAME", help="only those of this one")
    parser.add_argument(
        "--status", default="", choices=Saga.Status.values, help="only those in this state"
    )
    parser.add_argument("--key", default="", help="only those with this key")
    parser.add_argument(
        "--limit", type=int, default=LISTED, metavar="N", help=f"at most so many (default {LISTED})"
    )


def _add_writing(actions: Any, name: str, meaning: str) -> None:
    parser = _add(actions, name, meaning)
    parser.add_argument("--output", type=Path, metavar="FILE", help="where to (default: print it)")


def _add_order(actions: Any, name: str, meaning: str) -> Any:
    parser = _add(actions, name, meaning)
    parser.add_argument("--reason", required=True, help="why; kept in the history")
    parser.add_argument(
        "--by", default=getpass.getuser(), help="who does it, for the record (default: you)"
    )
    return parser


def _add(actions: Any, name: str, meaning: str) -> Any:
    parser = _parser(actions, name, meaning)
    parser.add_argument("saga", metavar="SAGA", help="its id, or its key")
    return parser


def _parser(actions: Any, name: str, meaning: str) -> Any:
    parser = actions.add_parser(name, help=meaning, description=f"{meaning.capitalize()}.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser
