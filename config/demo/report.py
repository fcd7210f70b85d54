"""What the demonstration prints."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from config.demo import fares, following, rides

WIDTH_OF_A_FILE = 120
SHOWN = 10  # of the notifications, the newest
COLUMNS = (*sorted(rides.EVERYBODY), rides.EXTRAORDINARY)


def print_outcomes(outcomes: Sequence[following.Outcome], *, stream: TextIO) -> None:
    """Print one row for each ride: who got it, and how long after the request."""
    table = Table(title="Milliseconds from the request to each service's effect")
    table.title_justify = "left"
    table.add_column("ride", overflow="fold")
    columns = [
        *COLUMNS,
        *sorted(set().union(*(one.ride.services for one in outcomes)) - {*COLUMNS}),
    ]
    for service in columns:
        table.add_column(service.replace("_", "\n"), justify="right")
    for outcome in outcomes:
        table.add_row(str(outcome.ride), *(_cell(outcome, service) for service in columns))
    _print(table, stream=stream)


def print_fares(told: Sequence[fares.Told], *, stream: TextIO) -> None:
    """Print one row for each fare: how it ended, and what the provider's ledger and ours say."""
    table = Table(title="What became of the fares, by the provider's ledger and by ours")
    table.title_justify = "left"
    for name in ("customer", "fare", "failed at"):
        table.add_column(name)
    for name in (*fares.MOVEMENTS, "clearing", "owed"):
        table.add_column(name, justify="right")
    for item in told:
        amounts = (*(item.provider[kind] for kind in fares.MOVEMENTS), item.cleared, item.owed)
        table.add_row(
            item.scene.customer,
            item.fare["status"],
            item.fare["failed_step"],
            *(f"{amount:.2f}" if amount else "" for amount in amounts),
        )
    _print(table, stream=stream)


def print_customer(mine: Mapping[str, Any], *, stream: TextIO) -> None:
    """Print what the customer sees afterwards: balance, points, and the latest notifications."""
    statement, loyalty = mine["statement"], mine["loyalty"]
    table = Table(title=f"What customer {rides.CUSTOMER} sees", show_header=False)
    table.title_justify = "left"
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("statement", f"owes {statement['balance']} {statement['currency']}")
    table.add_row("loyalty", f"{loyalty['points']} points, tier {loyalty['tier']}")
    for notification in mine["notifications"]["notifications"][:SHOWN]:
        table.add_row("notification", notification["subject"])
    _print(table, stream=stream)


def complaints(outcomes: Iterable[following.Outcome]) -> list[str]:
    """Return one sentence for each ride that did not go where it should, or went elsewhere."""
    found = []
    for outcome in outcomes:
        if outcome.missing:
            names = ", ".join(sorted(outcome.missing))
            found.append(f"{outcome.ride} ({outcome.ride_id}) did not arrive at: {names}")
        if outcome.unexpected:
            names = ", ".join(sorted(outcome.unexpected))
            found.append(f"{outcome.ride} ({outcome.ride_id}) should not have gone to: {names}")
    return found


def _cell(outcome: following.Outcome, service: str) -> str:
    if service in outcome.seconds:
        return f"{outcome.seconds[service] * 1000:.0f}"
    return "missing" if service in outcome.missing else "not for it"


def _print(table: Table, *, stream: TextIO) -> None:
    width = shutil.get_terminal_size(fallback=(WIDTH_OF_A_FILE, 50)).columns
    Console(file=stream, width=width, highlight=False).print(table)
