"""The effects of events, table by table, in SQL that shares nothing with the code under test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.dataset

Rows = Callable[..., list[tuple[Any, ...]]]

ALL_RIDES = "true"
EXTRAORDINARY = "(data->>'fare')::numeric >= 50 AND (data->>'distance')::numeric >= 20"
NOTIFICATIONS = """(
    SELECT about AS ride_completion FROM customer_notification_notification
    WHERE kind = 'ride_completed'
)"""
JOURNAL_ENTRIES = """(
    SELECT ride_completion FROM customer_accounting_journalentry WHERE kind = 'ride_fare'
)"""
NAMES = {NOTIFICATIONS: "notifications", JOURNAL_ENTRIES: "journal entries"}
EFFECTS = {
    JOURNAL_ENTRIES: ALL_RIDES,
    "customer_loyalty_pointsentry": ALL_RIDES,
    NOTIFICATIONS: ALL_RIDES,
    "extraordinary_rides_extraordinaryride": EXTRAORDINARY,
}

EFFECTS_OF_RIDES = """
WITH ride AS (
    SELECT (data->>'ride_completion')::uuid AS id FROM wildrydes_message
    WHERE type = 'v1.ride.completed' AND position > %s AND {wanted}
), effect AS (
    SELECT ride.id, count(entry.ride_completion) AS times
    FROM ride LEFT JOIN {table} AS entry ON entry.ride_completion = ride.id GROUP BY ride.id
)
SELECT count(*) FILTER (WHERE times = 0), coalesce(sum(times - 1) FILTER (WHERE times > 1), 0)
FROM effect
"""

EFFECTS_OF_PROBES = """
WITH handled AS (
    SELECT receipt.subscription, receipt.message_id FROM wildrydes_receipt AS receipt
    JOIN wildrydes_message AS message ON message.id = receipt.message_id
    WHERE message.position > %s AND receipt.status = 'done'
        AND receipt.subscription LIKE ANY(ARRAY['probe.keep%%', 'probe.take%%'])
), effect AS (
    SELECT handled.message_id, count(entry.id) AS times FROM handled
    LEFT JOIN probe_probeeffect AS entry ON entry.message_id = handled.message_id
        AND entry.subscription = handled.subscription
    GROUP BY handled.subscription, handled.message_id
)
SELECT count(*) FILTER (WHERE times = 0), coalesce(sum(times - 1) FILTER (WHERE times > 1), 0)
FROM effect
"""

# The order that the handlers saw: each was to see the message just before it, and none after.
DISORDER = """
SELECT subscription, count(*) FROM (
    SELECT effect.subscription, effect.previous, lag(effect.position, 1, 0::bigint) OVER (
        PARTITION BY effect.subscription, effect.group_id ORDER BY effect.position
    ) AS expected, effect.position
    FROM (
        SELECT DISTINCT ON (subscription, message_id) * FROM probe_probeeffect
        WHERE subscription IN ('probe.keep_order', 'probe.take_poison_in_order')
        ORDER BY subscription, message_id, id
    ) AS effect
) AS seen
WHERE position > %s AND previous <> expected GROUP BY subscription
"""

RULES = {
    "the ledger does not balance": """
        SELECT 1 FROM customer_accounting_posting HAVING sum(amount) <> 0
    """,
    "what customers owe is not what their rides cost": """
        SELECT 1 WHERE (
            SELECT coalesce(sum((data->>'fare')::numeric), 0) FROM wildrydes_message
            WHERE type = 'v1.ride.completed'
        ) <> (
            SELECT coalesce(sum(amount), 0) FROM customer_accounting_posting AS posting
            JOIN customer_accounting_journalentry AS entry ON entry.id = entry_id
            WHERE account = 'customer_receivable' AND entry.kind = 'ride_fare'
        )
    """,
    "a loyalty account is not the sum of its entries": """
        SELECT 1 FROM customer_loyalty_loyaltyaccount AS account WHERE points <> (
            SELECT coalesce(sum(points), 0) FROM customer_loyalty_pointsentry AS entry
            WHERE entry.customer = account.customer
        ) LIMIT 1
    """,
    "a ride has no event": """
        SELECT 1 FROM unicorn_management_ridecompletion AS ride
        WHERE NOT EXISTS (SELECT 1 FROM wildrydes_message WHERE id = ride.message_id) LIMIT 1
    """,
    "an event has no ride": """
        SELECT 1 FROM wildrydes_message AS message WHERE type = 'v1.ride.completed'
        AND NOT EXISTS (
            SELECT 1 FROM unicorn_management_ridecompletion WHERE message_id = message.id
        ) LIMIT 1
    """,
    "an effect has no event": " UNION ALL ".join(
        f"""(
        SELECT 1 FROM {table} AS effect WHERE NOT EXISTS (
            SELECT 1 FROM unicorn_management_ridecompletion WHERE id = effect.ride_completion
        ) LIMIT 1)"""
        for table in EFFECTS
    ),
}


def check_effects(rows: Rows, since: int, lost: Counter[str], doubled: Counter[str]) -> None:
    """Count the effects that are missing, and those that are there more than once."""
    for table, wanted in EFFECTS.items():
        statement = EFFECTS_OF_RIDES.format(table=table, wanted=wanted)
        missing, extra = rows(statement, since)[0]
        name = NAMES.get(table, table)
        lost[name] += int(missing)
        doubled[name] += int(extra)
    missing, extra = rows(EFFECTS_OF_PROBES, since)[0]
    lost["probe"] += int(missing)
    doubled["probe"] += int(extra)


def check_acceptance(
    rows: Rows, accepted: Mapping[str, str], lost: Counter[str], doubled: Counter[str]
) -> None:
    """Count the rides that were told yes and are not there once, or not under that id."""
    found: dict[str, list[str]] = {}
    statement = "SELECT ride, id FROM unicorn_management_ridecompletion WHERE ride = ANY(%s)"
    for ride, completion in rows(statement, list(accepted)):
        found.setdefault(ride, []).append(str(completion))
    for ride, told in accepted.items():
        stored = found.get(ride, [])
        lost["rides that were told yes"] += not stored or bool(told and told not in stored)
        doubled["ride completions"] += max(0, len(stored) - 1)


def disorder(rows: Rows, since: int) -> dict[str, int]:
    """Return how many effects did not see the one before them, by subscription."""
    return {subscription: int(count) for subscription, count in rows(DISORDER, since)}


def broken_rules(rows: Rows) -> Iterator[str]:
    """Yield the rule that the tables break, if they break any."""
    for rule, statement in RULES.items():
        if rows(statement):
            yield rule


def lake_ids(directory: Path) -> list[str]:
    """Return the id of every row in the lake's Parquet files."""
    if not directory.exists():
        return []
    lake = pyarrow.dataset.dataset(directory, format="parquet", partitioning="hive")
    ids: list[str] = lake.to_table(columns=["id"]).column("id").to_pylist()
    return ids
