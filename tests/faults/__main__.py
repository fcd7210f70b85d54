"""`python -m tests.faults`: run the fault matrix and say what came of it."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg
from redis.exceptions import RedisError

from tests.faults import apart, controls, goals, matrix, report, running, servers
from tests.faults.audit import Findings
from tests.faults.report import Row
from tests.faults.running import Experiment, Fault
from tests.faults.servers import Ground

FULL_MINUTES = 40.0


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for; return 0 when every promise was kept and every control failed.

    The short form measures deadlines as well, and leaves judging them to the full one.
    """
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else processes stay behind
    chosen = [item for item in matrix.faults() if _is_chosen(item.name, item.short, options)]
    others = (*apart.CRASHES, *goals.EXPERIMENTS, *controls.CONTROLS)
    wanted = [item for item in others if _is_chosen(item.name, item.short, options)]
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="wildrydes-faults-") as temporary,
        servers.ground(options.keep or Path(temporary)) as ground,
    ):
        rows = _run_faults(chosen, ground, options)
        rows += [_carried_out(item, ground, 1 if options.short else 3) for item in wanted]
        versions = _server_versions(ground)
    sys.stdout.write(report.table(rows) + "\n")
    late = {row.fault: goals.missed_deadlines(row) for row in rows}
    for row in rows:
        for complaint in (*row.complaints, *late[row.fault]):
            sys.stdout.write(f"{row.fault}: {complaint}\n")
    for note in _notes(rows):
        sys.stdout.write(f"{note}\n")
    if options.json:
        report.write_json(rows, options.json)
    if options.docs:
        command = f"python -m tests.faults {shlex.join(arguments)}"
        run = report.Run(command, time.monotonic() - began, versions, _notes(rows))
        report.write_page(rows, options.docs, run)
    in_time = options.short or not any(late.values())
    return 0 if rows and in_time and all(row.good for row in rows) else 1


def _run_faults(faults: Iterable[Fault], ground: Ground, options: argparse.Namespace) -> list[Row]:
    """Run the faults of each setting on one deployment; one that went wrong gets a new one."""
    rows: list[Row] = []
    for setting, group in itertools.groupby(faults, key=lambda item: item.setting):
        waiting = list(group)
        while waiting:
            with servers.scene(ground, setting) as scene:
                while waiting:
                    fault = waiting.pop(0)
                    rows.append(running.run(_scaled(fault, options), scene))
                    if not rows[-1].good:
                        break
    return rows


def _carried_out(item: Experiment, ground: Ground, rounds: int) -> Row:
    """Return the experiment's row; one that breaks off has one too, and the others theirs."""
    try:
        return item.run(ground, rounds)
    except (AssertionError, OSError, psycopg.Error, RedisError) as error:
        return Row(item.name, 0, Findings(broken=[f"{type(error).__name__}: {error}"]))


def _scaled(fault: Fault, options: argparse.Namespace) -> Fault:
    """Return the fault with as many rounds as there is time for; in the short form one run."""
    if options.short:
        return dataclasses.replace(fault, injections=fault.injections[:1], rounds=1)
    rounds = round(fault.rounds * float(options.minutes) / FULL_MINUTES)
    return dataclasses.replace(fault, rounds=max(1, rounds))


def _is_chosen(name: str, short: bool, options: argparse.Namespace) -> bool:
    if options.only:
        return any(part.lower() in name.lower() for part in options.only)
    return short or not options.short


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="faults whose name contains one")
    parser.add_argument("--short", action="store_true", help="a few faults, each once")
    parser.add_argument(
        "--minutes",
        type=float,
        default=FULL_MINUTES,
        help="rounds of each fault, as a share of 40; at least one",
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the rows")
    parser.add_argument("--keep", type=Path, metavar="PATH", help="where logs are to stay")
    parser.add_argument("--docs", type=Path, metavar="PATH", help="where to write the page")
    return parser


def _notes(rows: Sequence[Row]) -> list[str]:
    return [
        *goals.notes_on_recovery(rows),
        *goals.notes_on_deadlines(rows),
        *(note for row in rows for note in row.notes),
    ]


def _server_versions(ground: Ground) -> str:
    with psycopg.connect(ground.postgres.database_url("postgres")) as connection:
        postgres = connection.info.parameter_status("server_version")
    return f"PostgreSQL {postgres}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
