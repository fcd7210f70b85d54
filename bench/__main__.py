"""Run the benchmarks: `make bench`, or `python -m bench --rows accept drain`.

Both sides of every row are measured in the same run, in turns, on servers that the run starts for
itself. Rows that are not run keep their last result. `--quick` only shows that everything works.
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import machine, report, results
from bench.ground import ground
from bench.results import Result
from bench.rows import ROWS, Bench
from bench.sizes import FULL, QUICK


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; return 1 when a row could not be run to its end."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else servers' files stay behind
    sizes = QUICK if options.quick else FULL
    if options.rounds:
        sizes = dataclasses.replace(sizes, rounds=options.rounds)
    about = machine.about(command=f"python -m bench {shlex.join(arguments)}".strip())
    earlier = results.read(options.json)
    failed = []
    with ground() as servers:
        bench = Bench(servers, sizes, drain_rate=_found("drain", earlier))
        bench.sustained_rate = 0.0 if options.quick else _found("sustained", earlier)
        for name in options.rows or ROWS:
            started = time.monotonic()
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                result = ROWS[name](bench)
            except Exception:  # noqa: BLE001 - the other rows are still worth running
                failed.append(name)
                traceback.print_exc()
                continue
            _sign(result, about, rounds=sizes.rounds, seconds=time.monotonic() - started)
            print(_summary(result), flush=True)
            earlier = results.merge(earlier, [result], about=about, order=list(ROWS))
            results.write(options.json, earlier)
    if options.docs and earlier["rows"] and "about" in earlier:
        report.write(options.docs, earlier)
    if failed:
        print(f"not measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), metavar="ROW", default=[])
    parser.add_argument(
        "--rounds",
        type=int,
        help="of each side; five unless said, four times as many in prebook-accept",
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does everything work?")
    parser.add_argument("--json", type=Path, help="where results are kept")
    parser.add_argument("--docs", type=Path, help="the page whose table is written anew")
    options = parser.parse_args(arguments)
    if options.quick:  # what is measured in passing replaces nothing unless a place is named
        options.json = options.json or results.LATEST.with_name("quick.json")
    else:
        options.json = options.json or results.LATEST
        options.docs = options.docs or report.PAGE
    return options


def _found(name: str, earlier: dict[str, Any]) -> float:
    """Return what the last run of a row found; 0 where there is none."""
    return next((row["ours"] for row in earlier["rows"] if row["row"] == name), 0.0)


def _sign(result: Result, about: dict[str, Any], *, rounds: int, seconds: float) -> None:
    signature = {"rounds": rounds, "seconds": round(seconds, 1)}
    signature |= {"commit": about["commit"], "date": about["date"]}
    result.details = {**signature, **result.details}


def _summary(result: Result) -> str:
    met = {True: "met", False: "NOT met", None: "stated"}[result.met]
    ratios = ", ".join(f"{value:.2f}x {name}" for name, value in result.ratios.items())
    took = result.details["seconds"]
    return f"{result.row}: {result.ours:,.4g} {result.unit}; {ratios}; {met} ({took:g} s)"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
