"""What the rows and the provider's own books say about fares, in SQL that shares nothing with ours.

The provider's movements are read from its file and put beside our rows. Every ride after a position
of the log is looked at, told yes or not; how the fares of each customer may end is here once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from tests.acceptance.stage import wait_until
from tests.faults import sagas
from tests.faults.audit import Findings, Ledger
from tests.faults.payers import PAYERS, REFUSED, Ordered
from tests.faults.servers import Scene

ENDED_SECONDS = 60.0
BOOKS = Path("provider", "sandbox", "ledger.sqlite3")
MOVEMENTS = "SELECT kind, intent, reference, amount FROM movement ORDER BY number"
BESIDE_OURS = """
CREATE TEMP TABLE movement (kind text, intent text, reference text, amount numeric);
CREATE TEMP TABLE payer (customer text, ends text[], waits boolean);
"""
RETRY_ALL = f"""
from wildrydes import models, saga
for stuck in models.Saga.objects.filter(status="stuck", definition__startswith="fare_collection."):
    assert stuck.input["customer"] == {REFUSED.name!r}, (stuck.id, stuck.stuck_because)
    saga.retry(stuck.id, by="olga", reason="The provider gives money back again.")
"""

# Its id is the payment's reference, and the provider's.
FARES = """
WITH saga AS (
    SELECT saga.* FROM wildrydes_saga AS saga
    WHERE definition LIKE 'fare_collection.%%' AND EXISTS (
        SELECT FROM wildrydes_message WHERE group_id = saga.id::text AND position > %(since)s
    )
), ride AS (
    SELECT data->>'ride_completion' AS completion, data->>'customer' AS customer,
        (data->>'fare')::numeric AS fare
    FROM wildrydes_message WHERE type = 'v1.ride.completed' AND position > %(since)s
), books AS (
    SELECT reference,
        count(DISTINCT intent) FILTER (WHERE kind = 'authorised') AS holds,
        count(*) FILTER (WHERE kind = 'captured') AS charges,
        count(*) FILTER (WHERE kind = 'refunded') AS refunds,
        coalesce(sum(amount) FILTER (WHERE kind = 'captured'), 0) AS captured,
        coalesce(sum(amount) FILTER (WHERE kind = 'refunded'), 0) AS refunded,
        sum(CASE kind WHEN 'authorised' THEN amount WHEN 'refunded' THEN 0 ELSE -amount END) AS held
    FROM movement GROUP BY reference
), given AS (
    SELECT collection_id, count(*) FILTER (WHERE status = 'refunded') AS times,
        coalesce(sum(amount) FILTER (WHERE status = 'refunded'), 0) AS amount
    FROM fare_collection_farerefund GROUP BY collection_id
), cleared AS (
    SELECT entry.ride_completion,
        sum(posting.amount) FILTER (WHERE account = 'payment_clearing') AS clearing,
        sum(posting.amount) FILTER (WHERE account = 'customer_receivable') AS owed
    FROM customer_accounting_journalentry AS entry
    JOIN customer_accounting_posting AS posting ON posting.entry_id = entry.id
    GROUP BY entry.ride_completion
), fare AS (
    SELECT collection.*, saga.status AS saga_status,
        collection.status || coalesce(' at ' || nullif(collection.failed_step, ''), '') AS ending,
        collection.status <> 'failed' AS is_kept,
        coalesce(books.holds, 0) AS holds, coalesce(books.charges, 0) AS charges,
        coalesce(books.refunds, 0) AS times_refunded, coalesce(books.captured, 0) AS taken,
        coalesce(books.refunded, 0) AS returned, coalesce(books.held, 0) AS held,
        coalesce(given.times, 0) AS times_given, coalesce(given.amount, 0) AS given,
        coalesce(cleared.clearing, 0) AS clearing, coalesce(cleared.owed, 0) AS owed
    FROM ride JOIN fare_collection_farecollection AS collection
        ON collection.ride_completion = ride.completion::uuid
    JOIN wildrydes_saga AS saga ON saga.id = collection.id
    LEFT JOIN books ON books.reference = collection.id::text
    LEFT JOIN given ON given.collection_id = collection.id
    LEFT JOIN cleared ON cleared.ride_completion = collection.ride_completion
)
"""

LOST = {
    "fares of rides": """
        SELECT count(*) FROM ride WHERE NOT EXISTS (
            SELECT FROM fare WHERE ride_completion = ride.completion::uuid AND amount = ride.fare
        )
    """,
    "fares that have come to an end": """
        SELECT count(*) FROM saga WHERE status NOT IN ('completed', 'compensated')
    """,
    "charges of collected fares": """
        SELECT count(*) FROM fare WHERE is_kept AND amount > 0 AND charges = 0
    """,
    "refunds by the provider": """
        SELECT coalesce(sum(greatest(0, times_given - times_refunded)), 0) FROM fare WHERE is_kept
    """,
    "events of ends": """
        SELECT count(*) FROM fare WHERE NOT EXISTS (
            SELECT FROM wildrydes_message WHERE subject = fare.id::text AND type =
                CASE WHEN is_kept THEN 'v1.fare.collected' ELSE 'v1.fare.failed' END
        )
    """,
    "events of refunds": """
        SELECT count(*) FROM fare JOIN fare_collection_farerefund AS refund
            ON collection_id = fare.id
        WHERE refund.status = 'refunded' AND NOT EXISTS (
            SELECT FROM wildrydes_message
            WHERE type = 'v1.fare.refunded' AND data->>'refund' = refund.id::text
        )
    """,
    "fares that wait for a person, and say so": """
        SELECT count(*) FROM fare JOIN payer USING (customer) WHERE waits AND NOT EXISTS (
            SELECT FROM wildrydes_message
            WHERE type = 'v1.fare-collection.stuck' AND data->>'collection' = fare.id::text
        )
    """,
}

DOUBLED = {
    "charges by the provider": """
        SELECT coalesce(sum(greatest(0, charges - 1)), 0) FROM fare
    """,
    "authorisations by the provider": """
        SELECT coalesce(sum(greatest(0, holds - 1)), 0) FROM fare
    """,
    "refunds by the provider": """
        SELECT coalesce(sum(greatest(
            0, times_refunded - CASE WHEN is_kept THEN times_given ELSE charges END
        )), 0) FROM fare
    """,
    "fares of a ride": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM saga JOIN ride ON ride.completion = saga.key
            GROUP BY ride.completion
        ) AS found
    """,
    "events": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM fare JOIN wildrydes_message AS message
                ON message.subject = fare.id::text
            WHERE message.type IN ('v1.fare.collected', 'v1.fare.failed', 'v1.fare.refunded')
            GROUP BY fare.id, message.type, message.data->>'refund'
        ) AS found
    """,
    "payments in the books": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM fare JOIN customer_accounting_journalentry AS entry
                ON entry.ride_completion = fare.ride_completion
            WHERE entry.kind IN ('payment', 'payment_reversal')
            GROUP BY fare.id, entry.kind
        ) AS found
    """,
}

GENERIC = {
    "lost": ("entries of histories", "commands that histories tell of"),
    "doubled": ("commands that no history tells of", "ends"),
}

BROKEN = {
    "a fare has not ended as it had to": """
        SELECT customer || ': ' || ending || ' (' || saga_status || ') ' || reason
        FROM fare JOIN payer USING (customer)
        WHERE NOT CASE WHEN is_kept THEN 'collected' ELSE ending END = ANY(ends) LIMIT 1
    """,
    "a collection and its saga do not say the same": """
        SELECT fare.id || ': ' || ending || ', ' || saga_status FROM fare
        WHERE is_kept <> (saga_status = 'completed') LIMIT 1
    """,
    "the provider has something else of a fare than it may keep": """
        SELECT customer || ' ' || id || ': ' || amount || ', ' || ending || '; taken ' || taken
            || ', returned ' || returned FROM fare
        WHERE taken - returned <> CASE WHEN is_kept THEN amount - refunded ELSE 0 END LIMIT 1
    """,
    "a card holds money for a fare that has ended": """
        SELECT customer || ' ' || id || ': ' || held FROM fare WHERE held <> 0 LIMIT 1
    """,
    "a fare was given back in part, and its refunds come to something else": """
        SELECT id::text FROM fare WHERE in_refund <> 0 OR refunded <> given LIMIT 1
    """,
    "payment clearing of a ride is not what the provider has kept of it": """
        SELECT customer || ' ' || id || ': ' || clearing || ', ' || (taken - returned) FROM fare
        WHERE clearing <> taken - returned LIMIT 1
    """,
    "a ride is owed for and paid, or neither": """
        SELECT customer || ' ' || id || ': ' || owed FROM fare
        WHERE owed <> CASE WHEN is_kept THEN 0 ELSE amount END LIMIT 1
    """,
    "a payment is not what the provider has done": """
        SELECT payment.reference FROM fare JOIN customer_payment_payment AS payment
            ON payment.reference = fare.id::text
        WHERE (payment.captured, payment.refunded) <> (taken, returned)
            OR payment.status = 'authorised' LIMIT 1
    """,
    "a refund has failed, and nobody's mood was the cause": """
        SELECT refund.id || ' ' || refund.reason FROM fare JOIN fare_collection_farerefund AS refund
            ON collection_id = fare.id
        WHERE refund.status <> 'refunded' AND customer <> 'payer-moody' LIMIT 1
    """,
    "the provider has moved money of no fare": """
        SELECT reference FROM movement WHERE NOT EXISTS (
            SELECT FROM fare_collection_farecollection WHERE id::text = reference
        ) LIMIT 1
    """,
    "payment clearing is not what the provider has kept of all fares": """
        SELECT ours || ', ' || theirs FROM (
            SELECT coalesce(sum(amount), 0) AS ours FROM customer_accounting_posting
            WHERE account = 'payment_clearing'
        ) AS cleared CROSS JOIN (
            SELECT coalesce(sum(captured - refunded), 0) AS theirs FROM books
        ) AS kept WHERE ours <> theirs
    """,
    "an entry's debits are not its credits": """
        SELECT entry_id::text FROM customer_accounting_posting
        GROUP BY entry_id, currency HAVING sum(amount) <> 0 LIMIT 1
    """,
}

TOLD = "SELECT id::text FROM fare_collection_farerefund WHERE id = ANY(%s::uuid[])"
ENDS = """
SELECT ending, count(*) FROM fare GROUP BY 1 UNION ALL
SELECT 'refunds ' || status, count(*) FROM fare_collection_farerefund AS refund
WHERE collection_id IN (SELECT id FROM fare) GROUP BY 1 ORDER BY 1
"""


def resolve(ledger: Ledger, scene: Scene) -> Iterator[str]:
    """Let the provider make every refund, and a person retry what waits for one.

    Nobody but those whose refunds are refused may wait; yields what went wrong.
    """
    scene.sandbox.control(rules=[{"token": REFUSED.token, "behaviour": "ok"}])
    try:
        scene.deployment.manage("shell", "--no-imports", "-c", RETRY_ALL)
        what = "what was stuck has ended"
        wait_until(lambda: not ledger.open(), what=what, seconds=ENDED_SECONDS)
    except AssertionError as error:
        yield str(error)
    scene.sandbox.behave()


def check(scene: Scene, *, since: int, ordered: Ordered, findings: Findings) -> dict[str, int]:
    """Check every promise about fares; return how many ended in which way. Must be quiet."""
    with scene.sql() as connection:
        _put_beside_ours(connection, scene.deployment.directory / BOOKS)
        rows = Ledger(connection).rows

        def found(statement: str) -> list[tuple[Any, ...]]:
            return rows(FARES + statement, {"since": since})

        for what, statement in {**LOST, **_generic(sagas.LOST, "lost")}.items():
            findings.lost[what] += int(found(statement)[0][0])
        for what, statement in {**DOUBLED, **_generic(sagas.DOUBLED, "doubled")}.items():
            findings.doubled[what] += int(found(statement)[0][0])
        findings.broken.extend(
            f"{rule}: {example[0][0]}"
            for rule, statement in BROKEN.items()
            if (example := found(statement))
        )
        findings.broken.extend(f"unexpected answer: {text}" for text in ordered.unexpected[:3])
        stored = {id_ for (id_,) in rows(TOLD, ordered.refunds)}
        findings.lost["refunds that were told yes"] += len(set(ordered.refunds) - stored)
        return {ending: int(count) for ending, count in found(ENDS)}


def summary(ends: Mapping[str, int], ordered: Ordered) -> Iterator[str]:
    """Say how it went, if anybody was to pay."""
    if ordered.people:
        yield f"fares ended {dict(ends)}, {len(ordered.refunds)} refunds told yes"
        yield f"refused {dict(ordered.refusals)}"


def _generic(statements: Mapping[str, str], kind: str) -> dict[str, str]:
    return {what: statements[what] for what in GENERIC[kind]}


def _put_beside_ours(connection: psycopg.Connection[Any], books: Path) -> None:
    """Copy the provider's movements, in cents there, into a table for this session."""
    connection.execute(BESIDE_OURS)
    with closing(sqlite3.connect(f"file:{books}?mode=ro", uri=True)) as theirs:
        moved = theirs.execute(MOVEMENTS).fetchall()
    with connection.cursor() as cursor:
        with cursor.copy("COPY movement FROM STDIN") as copy:
            for kind, intent, reference, cents in moved:
                copy.write_row((kind, intent, reference, Decimal(cents) / 100))
        with cursor.copy("COPY payer FROM STDIN") as copy:
            for payer in PAYERS:
                copy.write_row((payer.name, list(payer.ends), payer.waits))
