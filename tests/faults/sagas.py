"""What the rows say about sagas, in SQL that shares nothing with the code under test.

Every saga after a position of the log is looked at, told yes or not. What a saga was to end as is
in its input; the steps' places in order are here once more. In a saga that is in a hurry a command
that was given up may still be carried out, until its own compensation comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.faults.audit import Findings
from tests.faults.starting import Started

Rows = Callable[..., list[tuple[Any, ...]]]

# A saga's first command is a message that bears its id as the group.
SAGAS = """
WITH saga AS (
    SELECT saga.* FROM wildrydes_saga AS saga WHERE definition LIKE 'probe.%%' AND EXISTS (
        SELECT FROM wildrydes_message WHERE group_id = saga.id::text AND position > %(since)s
    )
), place (step, stage) AS (
    VALUES ('hold', 1), ('left', 2), ('right', 2), ('pay', 3), ('grant', 4), ('finish', 5)
), effect AS (
    SELECT effect.*, stage FROM probe_stepeffect AS effect JOIN place USING (step)
    JOIN saga ON saga.id = effect.saga_id WHERE is_new
)
"""

UNENDED = "sagas that have come to an end"
LOST = {
    UNENDED: """
        SELECT count(*) FROM saga WHERE status IN ('running', 'compensating')
    """,
    "steps of completed sagas": """
        SELECT count(*) FROM saga CROSS JOIN place WHERE status = 'completed' AND NOT EXISTS (
            SELECT FROM effect WHERE saga_id = saga.id AND effect.step = place.step AND NOT is_undo
        )
    """,
    "compensations": """
        SELECT count(*) FROM effect AS done JOIN saga ON saga.id = done.saga_id
        WHERE status = 'compensated' AND NOT done.is_undo AND NOT EXISTS (
            SELECT FROM effect AS undone WHERE undone.saga_id = saga.id
                AND undone.step = done.step AND undone.is_undo
        )
    """,
    "entries of histories": """
        SELECT coalesce(sum(events - written), 0) FROM (
            SELECT events, (
                SELECT count(*) FROM wildrydes_sagaevent WHERE saga_id = saga.id
            ) AS written FROM saga
        ) AS found WHERE events > written
    """,
    "commands that histories tell of": """
        SELECT count(*) FROM saga JOIN wildrydes_sagaevent AS event ON event.saga_id = saga.id
        WHERE event.kind IN ('scheduled', 'retried', 'compensating') AND NOT EXISTS (
            SELECT FROM wildrydes_message WHERE id = event.message_id
        )
    """,
    "events of stuck sagas": """
        SELECT count(*) FROM saga WHERE status = 'stuck' AND NOT EXISTS (
            SELECT FROM wildrydes_message
            WHERE type = 'v1.probe-journey.stuck' AND subject = saga.id::text
        )
    """,
}

DOUBLED = {
    "steps and compensations": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM effect GROUP BY saga_id, step, is_undo
        ) AS found
    """,
    "runs of one command": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM probe_stepeffect JOIN saga ON saga.id = saga_id
            GROUP BY message_id
        ) AS found
    """,
    "commands that no history tells of": """
        SELECT count(*) FROM saga JOIN wildrydes_message AS message
            ON message.group_id = saga.id::text AND message.kind = 'command'
        WHERE NOT EXISTS (
            SELECT FROM wildrydes_sagaevent
            WHERE saga_id = saga.id AND message_id = message.id
                AND kind IN ('scheduled', 'retried', 'compensating')
        )
    """,
    "ends": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM saga JOIN wildrydes_sagaevent AS event
                ON event.saga_id = saga.id
            WHERE kind IN ('completed', 'compensated') AND step = ''
            GROUP BY saga.id
        ) AS found
    """,
    "sagas of a key": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM saga GROUP BY definition, key
        ) AS found
    """,
}

OUT_OF_ORDER = {
    "steps": """
        SELECT count(*) FROM (
            SELECT stage, lag(stage) OVER (PARTITION BY saga_id ORDER BY id) AS before
            FROM effect WHERE NOT is_undo
        ) AS seen WHERE before > stage
    """,
    "compensations": """
        SELECT count(*) FROM (
            SELECT stage, lag(stage) OVER (PARTITION BY saga_id ORDER BY id) AS before
            FROM effect WHERE is_undo
        ) AS seen WHERE before < stage
    """,
    "steps after a compensation": """
        SELECT count(*) FROM effect AS done JOIN saga ON saga.id = done.saga_id
        WHERE definition = 'probe.journey' AND NOT is_undo AND EXISTS (
            SELECT FROM effect AS undone
            WHERE undone.saga_id = done.saga_id AND undone.is_undo AND undone.id < done.id
        )
    """,
    "entries of histories": """
        SELECT count(*) FROM (
            SELECT number, row_number() OVER (PARTITION BY saga_id ORDER BY number) AS place
            FROM wildrydes_sagaevent JOIN saga ON saga.id = saga_id
        ) AS entry WHERE number <> place
    """,
}

BROKEN = {
    "a saga has not ended as its input says": """
        SELECT key || ': ' || status || ', not ' || (input->>'ends') || ' ' || reason || ' '
            || stuck_because
        FROM saga WHERE status NOT IN ('running', 'compensating') AND NOT input->'ends' ? status
        LIMIT 1
    """,
    "a completed saga was undone": """
        SELECT key FROM saga JOIN effect ON effect.saga_id = saga.id
        WHERE status = 'completed' AND is_undo LIMIT 1
    """,
    "a stuck saga does not say why": """
        SELECT key FROM saga WHERE status = 'stuck' AND stuck_because = '' LIMIT 1
    """,
    "a compensated saga does not say why": """
        SELECT key FROM saga WHERE status = 'compensated' AND reason = '' LIMIT 1
    """,
    "a saga has ended, and its history does not end so": """
        SELECT key FROM saga WHERE status IN ('completed', 'compensated') AND NOT EXISTS (
            SELECT FROM wildrydes_sagaevent
            WHERE saga_id = saga.id AND kind = saga.status AND step = ''
        ) LIMIT 1
    """,
    "a saga went back after its pivot, and nobody had refused": """
        SELECT key FROM saga WHERE is_turned AND failed_step <> 'grant' AND EXISTS (
            SELECT FROM wildrydes_sagaevent
            WHERE saga_id = saga.id AND step = 'pay' AND kind = 'succeeded'
        ) LIMIT 1
    """,
    "a saga has ended, and will be woken": """
        SELECT key FROM saga WHERE status IN ('completed', 'compensated')
            AND wake_at IS NOT NULL LIMIT 1
    """,
}

TOLD = "SELECT key, id::text FROM wildrydes_saga WHERE key = ANY(%s)"
ENDS = "SELECT status, count(*) FROM saga GROUP BY 1 ORDER BY 1"


def check(rows: Rows, *, since: int, started: Started, findings: Findings) -> dict[str, int]:
    """Check every promise about sagas; return how many ended in which way."""

    def found(statement: str) -> list[tuple[Any, ...]]:
        return rows(SAGAS + statement, {"since": since})

    for what, statement in LOST.items():
        findings.lost[what] += int(found(statement)[0][0])
    for what, statement in DOUBLED.items():
        findings.doubled[what] += int(found(statement)[0][0])
    for what, statement in OUT_OF_ORDER.items():
        findings.disordered[what] += int(found(statement)[0][0])
    findings.broken.extend(
        f"{rule}: {example[0][0]}"
        for rule, statement in BROKEN.items()
        if (example := found(statement))
    )
    findings.broken.extend(f"unexpected answer: {text}" for text in started.unexpected[:3])
    stored = dict(rows(TOLD, list(started.sagas)))
    told = started.sagas.items()
    findings.lost["sagas that were told yes"] += sum(stored.get(key) != id_ for key, id_ in told)
    return {status: int(count) for status, count in found(ENDS)}


def summary(ends: Mapping[str, int], started: Started) -> Iterator[str]:
    """Say how it went, if anybody has started sagas."""
    if started.sagas:
        yield f"{len(started.sagas)} sagas told yes, ended {dict(ends)}"
        yield f"refused {dict(started.refusals)}"
