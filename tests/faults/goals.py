"""What is to be reported beside the table: times of recovery, and whom poison slows down."""

from __future__ import annotations

import math
import signal
import statistics
import sys
from collections.abc import Iterator, Sequence

from tests.acceptance.stage import wait_until
from tests.faults import quotes, servers
from tests.faults.audit import Findings, Ledger, audit
from tests.faults.load import Accepted
from tests.faults.report import Row
from tests.faults.running import PLAIN, Experiment, at_rest
from tests.faults.servers import Ground, Scene

POISONED_GROUPS = "poison: a tenth of the groups"
GROUPS = 100
POISONED = 10
EACH = 30
AT_ONCE = 500
PAIRS = 4

RECOVERIES = (
    ("kill -9 of a worker", "p99 of recovery after kill -9 of a worker", 5.0),
    ("Redis: FLUSHALL", "p99 of recovery after FLUSHALL", 2.0),
)

HEALTHY_DONE_AT = """
SELECT extract(epoch FROM max(receipt.done_at))::float - %s
FROM wildrydes_receipt AS receipt JOIN wildrydes_message AS message ON message.id = message_id
WHERE message.position > %s AND receipt.subscription = 'probe.take_poison_in_order'
    AND message.group_id LIKE 'healthy%%'
"""


def notes_on_recovery(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a sentence for each goal about recovery that these rows measure."""
    for row in rows:
        for fault, what, limit in RECOVERIES:
            if row.fault == fault:
                kept = "kept" if row.p99 <= limit else "MISSED"
                yield f"{what}: {row.p99:.2f} s (goal: at most {limit:g} s; {kept})"


def missed_deadlines(row: Row) -> list[str]:
    """Say how many requests for quotes ended later than they may; nothing if none did."""
    late = [seconds for seconds in row.overshoots if seconds > quotes.LATEST_SECONDS]
    if not late or row.is_control:
        return []
    return [
        f"{len(late)} of {len(row.overshoots)} deadlines were missed by more than "
        f"{quotes.LATEST_SECONDS:g} s, one by {max(late):.2f} s"
    ]


def notes_on_deadlines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield by how much the deadlines of requests for quotes were missed under all these faults."""
    missed = sorted(seconds for row in rows for seconds in row.overshoots if not row.is_control)
    if missed:
        worst = missed[-1]
        p99 = missed[math.ceil(0.99 * len(missed)) - 1]
        kept = "kept" if worst <= quotes.LATEST_SECONDS else "MISSED"
        yield (
            f"{len(missed)} requests for quotes ended by their deadline: p99 {p99:.3f} s after it, "
            f"at most {worst:.2f} s (goal: at most {quotes.LATEST_SECONDS:g} s, Postgres's absence "
            f"not counted; {kept})"
        )


def poisoned_groups(ground: Ground, rounds: int) -> Row:
    """Let a tenth of the message groups be poisoned; compare how long the others take.

    In pairs, either way first in turn: one pair tells the two apart from the noise by no means.
    """
    findings = Findings()
    took: dict[str, list[float]] = {"work": [], "raise": []}
    with servers.scene(ground, PLAIN) as scene:
        for number in range(rounds * PAIRS):
            for behaviour in ("work", "raise") if number % 2 else ("raise", "work"):
                seconds = _time_of_the_healthy(scene, findings, behaviour=behaviour)
                took[behaviour].append(seconds)
    slower = statistics.median(took["raise"]) / statistics.median(took["work"]) - 1
    kept = "kept" if slower <= 0.05 else "MISSED"
    note = f"10% poisoned groups slow the others by {slower:+.0%} (goal: at most 5%; {kept})"
    sys.stderr.write(f"{POISONED_GROUPS}: {note}; {took}\n")
    return Row(POISONED_GROUPS, rounds * PAIRS, findings, notes=[note])


def _time_of_the_healthy(scene: Scene, findings: Findings, *, behaviour: str) -> float:
    """Return the seconds from the relay's start until the last message of a healthy group."""
    with scene.sql() as connection:
        ledger = Ledger(connection)
        since = ledger.position()
        scene.deployment.send("relay1", signal.SIGSTOP)
        for items in _batches(f"{since}", behaviour):
            scene.deployment.post("/api/v1/probe-events", {"items": items})
        started_at = ledger.rows("SELECT extract(epoch FROM clock_timestamp())::float")[0][0]
        scene.deployment.send("relay1", signal.SIGCONT)
        wait_until(
            lambda: not ledger.rows("SELECT 1 FROM wildrydes_unrouted LIMIT 1"), what="routed"
        )
        found, still_open = at_rest(
            ledger, scene, lambda: audit(ledger, since=since, accepted=Accepted())
        )
        if still_open:
            findings.broken.append(f"not quiet: {still_open}")
        findings.add(found)
        return float(ledger.rows(HEALTHY_DONE_AT, started_at, since)[0][0])


def _batches(run: str, behaviour: str) -> Iterator[list[dict[str, str]]]:
    items = [_item(number, run, behaviour) for number in range(GROUPS * EACH)]
    for start in range(0, len(items), AT_ONCE):
        yield items[start : start + AT_ONCE]


def _item(number: int, run: str, behaviour: str) -> dict[str, str]:
    """Return one event; the first of each poisoned group misbehaves, if any is to."""
    group = number % GROUPS
    if group >= POISONED:
        return {"group": f"healthy-{run}-{group}", "behaviour": "work"}
    is_first = number < GROUPS
    return {"group": f"poisoned-{run}-{group}", "behaviour": behaviour if is_first else "work"}


EXPERIMENTS = (Experiment(POISONED_GROUPS, poisoned_groups),)
