"""`manage.py dead_letters`: look at dead letters, redrive them, discard them."""

from __future__ import annotations

import argparse
import getpass
import json
import time
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wildrydes.dead_letters import canary, operations, queries, telling
from wildrydes.errors import DeadLetterError
from wildrydes.management import selecting
from wildrydes.models import DeadLetter, Redrive

LISTED = 100
POLL_SECONDS = 0.25
UNDER_WAY = ("retrying", "parked")


class Command(BaseCommand):
    """List, show, redrive and discard dead letters; pause, resume and cancel canary redrives."""

    help = (
        "Look at the dead letters of this database, give them another chance, or let go of them. "
        "Everything that changes something is on record with --by. Exit status 1 when a command "
        "is refused, or when a redrive that was waited for did not end well."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add one parser for each thing to do."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
        listing = _action(actions, "list", "list dead letters, the oldest receipt first")
        selecting.add_arguments(listing)
        show = _action(actions, "show", "show all that is known of a dead letter")
        show.add_argument("letter", metavar="LETTER", help="its number, or its message id")
        _add_redrive(actions)
        _add_discard(actions)
        for name, meaning in (
            ("pause", "send nothing more of a running canary redrive for now"),
            ("resume", "go on with a paused canary redrive, or with a halted one from one letter"),
            ("cancel", "end a canary redrive; what was not sent stays a dead letter"),
        ):
            steering = _action(actions, name, meaning, changes=True)
            steering.add_argument("redrive", type=int, metavar="REDRIVE", help="its number")
        status = _action(actions, "status", "show how canary redrives are going")
        status.add_argument(
            "redrive", type=int, nargs="?", metavar="REDRIVE", help="its number; without, all"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what was asked for."""
        try:
            getattr(self, f"_{options['action']}")(options)
        except DeadLetterError as error:
            raise CommandError(str(error)) from error

    def _list(self, options: dict[str, Any]) -> None:
        given = {"limit": LISTED, **selecting.criteria(options)}
        letters = list(queries.select(**given))
        texts = list(telling.lines(letters)) or ["There are no such dead letters."]
        self._tell(options, [telling.summary(letter) for letter in letters], *texts)

    def _show(self, options: dict[str, Any]) -> None:
        letters = queries.find(options["letter"])
        if not letters:
            raise CommandError(f"there is no dead letter {options['letter']!r}")
        shown = [telling.whole(letter) for letter in letters]
        self._tell(options, shown, *(_readable(entry) for entry in shown))

    def _redrive(self, options: dict[str, Any]) -> None:
        _refuse_contradictions(options)
        ids = selecting.choose(options)
        if options["dry_run"]:
            self._tell_what_would_be(options, ids)
        elif options["canary"]:
            self._redrive_canary(options, ids)
        else:
            result = operations.redrive(ids=ids, by=options["by"], to=options["to"])
            self._tell_result(options, result)
            if options["wait"]:
                self._wait_for_letters(options, result.taken)

    def _redrive_canary(self, options: dict[str, Any], ids: list[int]) -> None:
        redrive = canary.start(
            ids=ids,
            by=options["by"],
            rate=canary.DEFAULT_RATE if options["rate"] is None else options["rate"],
            canary_failures=options["canary_failures"],
            rest_failure_share=options["rest_failures"] / 100,
            selection=selecting.selection(options),
        )
        if options["wait"]:
            redrive = self._wait_for_redrive(options, redrive)
        self._tell(options, telling.progress(redrive), telling.line(redrive))
        if options["wait"] and (redrive.state != Redrive.State.FINISHED or redrive.failed):
            raise CommandError(f"redrive {redrive.pk} is {redrive.state}: {redrive.failed} failed")

    def _discard(self, options: dict[str, Any]) -> None:
        ids = selecting.choose(options)
        if options["dry_run"]:
            self._tell_what_would_be(options, ids)
        else:
            result = operations.discard(ids=ids, by=options["by"], reason=options["reason"])
            self._tell_result(options, result)

    def _pause(self, options: dict[str, Any]) -> None:
        self._steer(options, canary.pause)

    def _resume(self, options: dict[str, Any]) -> None:
        self._steer(options, canary.resume)

    def _cancel(self, options: dict[str, Any]) -> None:
        self._steer(options, canary.cancel)

    def _steer(self, options: dict[str, Any], move: Callable[..., Redrive]) -> None:
        redrive = move(redrive_id=options["redrive"], by=options["by"])
        self._tell(options, telling.progress(redrive), telling.line(redrive))

    def _status(self, options: dict[str, Any]) -> None:
        if options["redrive"] is None:
            found = list(queries.redrives())
        else:
            found = list(Redrive.objects.filter(id=options["redrive"]))
            if not found:
                raise CommandError(f"there is no redrive {options['redrive']}")
        texts = [telling.line(redrive) for redrive in found] or ["There are no canary redrives."]
        self._tell(options, [telling.progress(redrive) for redrive in found], *texts)

    def _wait_for_letters(self, options: dict[str, Any], ids: Any) -> None:
        became = self._wait(
            options,
            lambda: queries.became(ids, to=options["to"]),
            over=lambda became: not any(became.get(status) for status in UNDER_WAY),
        )
        if not options["json"]:
            told = ", ".join(f"{count} {status}" for status, count in became.items())
            self.stdout.write(f"They are over: {told or 'none'}.")
        if became.get("dead"):
            raise CommandError(f"{became['dead']} failed again and are dead letters")

    def _wait_for_redrive(self, options: dict[str, Any], redrive: Redrive) -> Redrive:
        found: Redrive = self._wait(
            options,
            lambda: Redrive.objects.get(id=redrive.pk),
            over=lambda now: now.state != Redrive.State.RUNNING and not now.in_work,
        )
        return found

    def _wait(self, options: dict[str, Any], look: Callable[[], Any], *, over: Any) -> Any:
        deadline = time.monotonic() + options["timeout"]
        while not over(found := look()):
            if time.monotonic() > deadline:
                raise CommandError(
                    f"--timeout: not over after {options['timeout']:g} s; it goes on without us"
                )
            time.sleep(POLL_SECONDS)
        return found

    def _tell_what_would_be(self, options: dict[str, Any], ids: list[int]) -> None:
        letters = list(DeadLetter.objects.filter(id__in=ids).order_by("id"))
        told = [telling.summary(letter) for letter in letters]
        text = f"Would {options['action']} {len(letters)} dead letters; nothing was changed."
        as_json = {"dry_run": True, "count": len(letters), "letters": told}
        self._tell(options, as_json, *telling.lines(letters), text)

    def _tell_result(self, options: dict[str, Any], result: operations.Result) -> None:
        counts = {"taken": len(result.taken), "gone": result.gone, "refused": result.refused}
        past = {"redrive": "Redriven", "discard": "Discarded"}[options["action"]]
        texts = [f"{past}: {len(result.taken)}."]
        if result.gone:
            texts.append(f"No dead letters any more: {result.gone}.")
        if result.refused:
            texts.append(f"Left as they are: {result.refused}: {'; '.join(result.reasons)}.")
        self._tell(options, {**counts, "reasons": list(result.reasons)}, *texts)

    def _tell(self, options: dict[str, Any], as_json: object, *texts: str) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(as_json, indent=2))
            return
        for text in texts:
            self.stdout.write(text)


def _action(actions: Any, name: str, meaning: str, *, changes: bool = False) -> Any:
    parser = actions.add_parser(name, help=meaning, description=f"{meaning.capitalize()}.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    if changes:
        parser.add_argument(
            "--by", default=getpass.getuser(), help="who does it, for the record (default: you)"
        )
    return parser


def _add_redrive(actions: Any) -> None:
    parser = _action(actions, "redrive", "send dead letters again", changes=True)
    selecting.add_choice(parser)
    parser.add_argument("--dry-run", action="store_true", help="say which, and change nothing")
    parser.add_argument(
        "--to",
        default="",
        metavar="SUBSCRIPTION",
        help="send them to this subscription instead; refused when it does not take such messages "
        "or already has one of them",
    )
    _add_canary(parser)
    parser.add_argument(
        "--wait",
        action="store_true",
        help="return when they are over; exit status 1 when any failed again or it was halted",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="with --wait: give up waiting after so long, with exit status 1 (default 600)",
    )


def _add_canary(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--canary",
        action="store_true",
        help="send one, then ten, then the rest, one attempt each, and stop when they fail again",
    )
    parser.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help=f"with --canary: letters a second in the last stage (default {canary.DEFAULT_RATE:g})",
    )
    parser.add_argument(
        "--canary-failures",
        type=int,
        default=0,
        metavar="N",
        help="with --canary: so many may fail in each of the first two stages (default 0)",
    )
    parser.add_argument(
        "--rest-failures",
        type=float,
        default=10.0,
        metavar="PERCENT",
        help="with --canary: such a part may fail in the last stage (default 10)",
    )


def _add_discard(actions: Any) -> None:
    parser = _action(actions, "discard", "let go of dead letters for good", changes=True)
    selecting.add_choice(parser)
    parser.add_argument("--dry-run", action="store_true", help="say which, and change nothing")
    parser.add_argument(
        "--reason", default="by hand", help="why; kept with the message (default: by hand)"
    )


def _refuse_contradictions(options: dict[str, Any]) -> None:
    if options["to"] and options["canary"]:
        raise CommandError("--to cannot be combined with --canary")
    if options["rate"] is not None and not options["canary"]:
        raise CommandError("--rate needs --canary")
    if options["rate"] is not None and not 0 < options["rate"] <= canary.HIGHEST_RATE:
        raise CommandError(f"--rate must be above 0 and at most {canary.HIGHEST_RATE:g}")
    if options["canary_failures"] < 0:
        raise CommandError("--canary-failures must be at least 0")
    if not 0 <= options["rest_failures"] <= 100:
        raise CommandError("--rest-failures must be between 0 and 100")


def _readable(entry: dict[str, Any]) -> str:
    """Return a letter as text: one line for each short value, then the long ones."""
    long = ("error", "traceback", "cloudevent", "original_cloudevent")
    short = [f"{name}: {value}" for name, value in entry.items() if name not in long and value]
    blocks = [
        f"\n{name}:\n{value if isinstance(value, str) else json.dumps(value, indent=2)}"
        for name in long
        if (value := entry[name])
    ]
    return "\n".join([*short, *blocks, ""])
