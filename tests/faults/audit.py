"""What the rows say: is it quiet, is anything lost, doubled or out of order, how long did it take.

Everything is counted over the messages after a position of the log, so that several faults can be
tried on one database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

from tests.faults import effects
from tests.faults.load import Accepted
from tests.faults.topology import TOPOLOGY
from wildrydes.envelope import Envelope

Row = tuple[Any, ...]

STEPS = ("probe.do_", "probe.undo_")
LAKE = ("datalake_ingestion.collect_events", "datalake_ingestion.collect_prebookings")
OUTSIDE = "customer_payment."
EXPIRED = "discarded: expired at "

# What is not due before tomorrow is none of the matrix's business: rides that are prebooked are.
# Parked behind a dead letter of the same group is an end, until a person comes.
OPEN = """
SELECT
    (SELECT count(*) FROM wildrydes_unrouted
        WHERE due_at <= now() + interval '1 day') AS unrouted,
    (SELECT count(*) FROM wildrydes_dispatch) AS dispatches,
    (SELECT count(*) FROM wildrydes_receipt WHERE status = 'retrying') AS retrying,
    (SELECT count(*) FROM wildrydes_receipt AS parked WHERE status = 'parked' AND NOT EXISTS (
        SELECT 1 FROM wildrydes_receipt AS ahead WHERE ahead.status = 'dead'
            AND ahead.subscription = parked.subscription AND ahead.group_id = parked.group_id
            AND ahead.position < parked.position
    )) AS parked,
    (SELECT count(*) FROM wildrydes_scatter WHERE status = 'open') AS scatters,
    (SELECT count(*) FROM wildrydes_saga WHERE status IN ('running', 'compensating')) AS sagas
"""

OPEN_UP_TO = """
SELECT EXISTS (
    SELECT FROM wildrydes_unrouted
    WHERE position <= %(position)s AND due_at <= now() + interval '1 day'
)
    OR EXISTS (SELECT FROM wildrydes_dispatch WHERE position <= %(position)s)
    OR EXISTS (
        SELECT FROM wildrydes_receipt WHERE status = 'retrying' AND position <= %(position)s
    )
"""

MESSAGES = """
SELECT id, position, type, kind, group_id, data, published_at
FROM wildrydes_message
WHERE position > %s AND (not_before IS NULL OR not_before <= now() + interval '1 day')
ORDER BY position
"""

RECEIPTS = """
SELECT receipt.message_id, receipt.subscription, receipt.status, receipt.error
FROM wildrydes_receipt AS receipt JOIN wildrydes_message AS message ON message.id = message_id
WHERE message.position > %s
"""

# What a saga has given up is let go of: the saga has said so, or has kept that as an answer.
EXPIRED_UNNOTICED = """
SELECT receipt.subscription, count(*)
FROM wildrydes_receipt AS receipt JOIN wildrydes_message AS message ON message.id = message_id
WHERE message.position > %s AND message.kind = 'command' AND receipt.status = 'dropped'
    AND NOT EXISTS (
        SELECT FROM wildrydes_sagaevent AS event
        WHERE event.saga_id::text = message.group_id AND event.message_id = message.id
            AND event.kind IN ('timed_out', 'late')
    )
GROUP BY receipt.subscription
"""

RECOVERED_AT = """
SELECT extract(epoch FROM receipt.done_at), receipt.subscription
FROM wildrydes_receipt AS receipt JOIN wildrydes_message AS message ON message.id = message_id
WHERE message.position > %s AND receipt.status = 'done' AND message.published_at <= to_timestamp(%s)
    AND message.not_before IS NULL
ORDER BY receipt.done_at DESC LIMIT 1
"""


@dataclass
class Findings:
    """What an audit found. `broken` are sentences about promises that cannot be counted."""

    events: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    doubled: Counter[str] = field(default_factory=Counter)
    disordered: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Say whether every promise was kept."""
        return not (+self.lost or +self.doubled or +self.disordered or self.broken)

    def add(self, other: Findings) -> None:
        """Add what another audit found."""
        self.events += other.events
        self.lost += other.lost
        self.doubled += other.doubled
        self.disordered += other.disordered
        self.broken += other.broken


class Ledger:
    """The database of a deployment, as an auditor reads it."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    def rows(self, statement: str, *values: Any) -> list[Row]:
        """Return the rows of a query; its values are positional, or one mapping of names."""
        named = values[0] if values and isinstance(values[0], dict) else values
        return self._connection.execute(statement.encode(), named).fetchall()

    def position(self) -> int:
        """Return the position of the last message."""
        found: int = self.rows("SELECT coalesce(max(position), 0) FROM wildrydes_message")[0][0]
        return found

    def open(self) -> dict[str, int]:
        """Return what is not settled yet, by kind; empty when it is quiet."""
        names = ("unrouted", "dispatches", "retrying", "parked", "scatters", "sagas")
        counts = zip(names, self.rows(OPEN)[0], strict=True)
        return {name: count for name, count in counts if count}

    def is_done_up_to(self, position: int) -> bool:
        """Say whether nothing is open any more of the messages up to a position."""
        return not self.rows(OPEN_UP_TO, {"position": position})[0][0]

    def recovery(self, *, since: int, ended_at: float) -> tuple[float, str]:
        """Return the seconds until all that was accepted before `ended_at` (epoch) was done.

        And which subscription was the last.
        """
        last = self.rows(RECOVERED_AT, since, ended_at)
        if not last:
            return 0.0, ""
        return max(0.0, float(last[0][0]) - ended_at), str(last[0][1])


def audit(
    ledger: Ledger, *, since: int, accepted: Accepted, lake: Sequence[str] | None = None
) -> Findings:
    """Check every promise for the messages after the position `since`, and for what was accepted.

    `lake` are the ids of the lake's rows. Must be quiet.
    """
    findings = Findings()
    messages = [_Message(*row) for row in ledger.rows(MESSAGES, since)]
    findings.events = sum(message.kind == "event" for message in messages)
    _check_receipts(ledger, messages, since, findings)
    for subscription, count in ledger.rows(EXPIRED_UNNOTICED, since):
        findings.lost[f"{subscription}: expired, and no saga knows"] += count
    effects.check_effects(ledger.rows, since, findings.lost, findings.doubled)
    effects.check_acceptance(ledger.rows, accepted.rides, findings.lost, findings.doubled)
    findings.disordered.update(effects.disorder(ledger.rows, since))
    findings.broken.extend(effects.broken_rules(ledger.rows))
    findings.broken.extend(f"unexpected answer: {text}" for text in accepted.unexpected[:3])
    if lake is not None:
        _check_lake(messages, Counter(lake), findings)
    return findings


@dataclass(frozen=True)
class _Message:
    id: UUID
    position: int
    type: str
    kind: str
    group_id: str
    data: Mapping[str, Any]
    published_at: Any

    @property
    def is_poison(self) -> bool:
        return bool(self.data.get("behaviour", "work") != "work")

    def to_envelope(self) -> Envelope:
        return Envelope(
            id=self.id,
            type=self.type,
            kind=self.kind,  # type: ignore[arg-type]
            source="//audit",
            subject="",
            time=self.published_at,
            data=self.data,
        )


def _check_receipts(
    ledger: Ledger, messages: Sequence[_Message], since: int, findings: Findings
) -> None:
    receipts = {(row[0], row[1]): (row[2], row[3]) for row in ledger.rows(RECEIPTS, since)}
    poisoned = {item.group_id for item in messages if item.is_poison}
    for message in messages:
        for subscription in TOPOLOGY.recipients(message.to_envelope()):
            status, error = receipts.get((message.id, subscription.name), ("missing", ""))
            if not _is_settled(message, subscription.name, status, error, poisoned):
                findings.lost[f"{subscription.name}: {status} {error[:120]}".strip()] += 1


def _is_settled(
    message: _Message, subscription: str, status: str, error: str, poisoned: set[str]
) -> bool:
    """Say whether the message ended here as it should: only poison may die, and must say why.

    And what asks the provider, who may be away for longer than one attempt of a step lasts. The
    command of a saga may expire.
    """
    if message.kind == "command" and status == "dropped":
        return error.startswith(EXPIRED)
    suffers = subscription.startswith("probe.take_poison")
    if subscription.startswith(STEPS) and message.data.get("conduct") == "raise":
        return status == "dead" and bool(error)
    if subscription.startswith(OUTSIDE) and status == "dead":
        return "UnknownOutcomeError" in error
    if message.is_poison and suffers:
        parked = status == "parked" and subscription.endswith("in_order")
        return parked or (status == "dead" and bool(error))
    if suffers and status == "parked":
        return message.group_id in poisoned
    return status == "done"


def _check_lake(messages: Sequence[_Message], rows: Counter[str], findings: Findings) -> None:
    topics = {topic for name in LAKE for topic in TOPOLOGY.subscription(name).topics}
    wanted = {type_ for topic in TOPOLOGY.topics if topic.name in topics for type_ in topic.types}
    for message in messages:
        if message.kind == "event" and message.type in wanted:
            count = rows[str(message.id)]
            findings.lost["lake"] += count == 0
            findings.doubled["lake"] += max(0, count - 1)
