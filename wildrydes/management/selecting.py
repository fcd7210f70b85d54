"""Which dead letters a command is about: how people say it, and what it comes to."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import CommandError

from wildrydes import topology
from wildrydes.dead_letters import queries
from wildrydes.errors import ConfigurationError
from wildrydes.management import moments

SELECTORS = ("subscription", "error", "since", "limit")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that select dead letters."""
    parser.add_argument("--subscription", default="", help="only those of this subscription")
    parser.add_argument(
        "--error", default="", metavar="TEXT", help="only those whose error holds this, in any case"
    )
    parser.add_argument(
        "--since",
        default="",
        metavar="WHEN",
        help=f"only those that failed last at or after this: {moments.FORMS}",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="at most so many, the oldest receipts first"
    )


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add what names the letters that are to be changed; none of it is not enough."""
    parser.add_argument(
        "letters", nargs="*", metavar="LETTER", help="numbers of letters, or message ids"
    )
    add_arguments(parser)
    parser.add_argument("--all", action="store_true", help="every dead letter of this database")


def selection(options: dict[str, Any]) -> dict[str, Any]:
    """Return the selecting options that were given."""
    return {name: options[name] for name in SELECTORS if options[name] not in ("", None)}


def select(options: dict[str, Any]) -> list[int]:
    """Return the numbers of the selected letters. Raises `CommandError`, naming the option."""
    return list(queries.select(**criteria(options)).values_list("id", flat=True))


def criteria(options: dict[str, Any]) -> dict[str, Any]:
    """Return what `queries.select` takes. Raises `CommandError`, naming the option."""
    if options["subscription"]:
        _refuse_unknown(options["subscription"])
    if options["limit"] is not None and options["limit"] < 1:
        raise CommandError("--limit must be at least 1")
    given = selection(options)
    if "since" in given:
        given["since"] = moments.read(given["since"], option="--since")
    return given


def choose(options: dict[str, Any]) -> list[int]:
    """Return the numbers of the letters that are to be changed; as `select`, but never by default.

    Raises `CommandError` when nothing says which.
    """
    named, given = options["letters"], selection(options)
    if named and (given or options["all"]):
        raise CommandError("name letters or select them with options, not both")
    if options["all"] and given:
        raise CommandError(f"--all cannot be combined with --{next(iter(given))}")
    if named:
        return [letter for key in named for letter in _numbers(key)]
    if not given and not options["all"]:
        raise CommandError(
            "say which: LETTER, --subscription, --error, --since, --limit, or --all for every one"
        )
    return select(options)


def _numbers(key: str) -> list[int]:
    found = [letter.pk for letter in queries.find(key)]
    if not found:
        raise CommandError(f"there is no dead letter {key!r}")
    return found


def _refuse_unknown(subscription: str) -> None:
    try:
        topology.current().subscription(subscription)
    except ConfigurationError as error:
        if not queries.select(subscription=subscription, limit=1).exists():
            raise CommandError(f"--subscription: {error}") from error
