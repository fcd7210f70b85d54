"""What is asked of Postgres, for any number of scatters at once. Always in order of id."""

OPEN = """
INSERT INTO wildrydes_scatter
    (id, gathering, asked, rule, wanted, deadline_at, status, closed_because, error)
VALUES (%s, %s, %s, %s, %s, statement_timestamp() + %s::interval, 'open', '', '')
"""

QUESTION = """id, gathering, asked, rule, wanted, opened_at, deadline_at, status, closed_at,
    closed_because, deadline_at <= clock_timestamp() AS is_overdue"""

# A process that is stopped while it holds these locks may not hold up a deadline for long.
PATIENCE = "set_config('idle_in_transaction_session_timeout', '5s', true)"

# The clock is read when all rows are locked: whoever had one may have held it beyond the deadline
# of any. To put them in order once more takes all of them before the first is looked at.
LOCK = f"""
WITH locked AS MATERIALIZED (
    SELECT * FROM wildrydes_scatter WHERE id = ANY(%s) ORDER BY id FOR UPDATE
)
SELECT {QUESTION}, {PATIENCE} FROM locked ORDER BY id
"""  # noqa: S608 - constants

LOCK_OPEN = f"""
WITH locked AS MATERIALIZED (
    SELECT * FROM wildrydes_scatter WHERE id = ANY(%s) AND status = 'open' ORDER BY id FOR UPDATE
)
SELECT {QUESTION}, {PATIENCE} FROM locked ORDER BY id
"""  # noqa: S608 - constants

FIND = f"SELECT {QUESTION} FROM wildrydes_scatter WHERE id = ANY(%s)"  # noqa: S608 - constants

# Locks as above. What is open beyond its deadline has to be ended first, and gets nothing here.
# Whoever was written down as timed out may still answer; that is late by then. Who listens for the
# scatter is told of it once the answer is committed.
RECORD = f"""
WITH locked AS MATERIALIZED (
    SELECT * FROM wildrydes_scatter WHERE id = ANY(%s) ORDER BY id FOR UPDATE
), judged AS MATERIALIZED (
    SELECT {QUESTION}, {PATIENCE} FROM locked ORDER BY id
), written AS (
    INSERT INTO wildrydes_response AS response
        (scatter_id, responder, outcome, late, data, reason, received_at)
    SELECT scatter_id, responder, outcome, status <> 'open', data, reason, clock_timestamp()
    FROM json_to_recordset(%s::json) AS incoming (scatter_id uuid, responder text, outcome text,
        data jsonb, reason text) JOIN judged ON judged.id = incoming.scatter_id
    WHERE status <> 'open' OR NOT is_overdue
    ORDER BY scatter_id, responder
    ON CONFLICT (scatter_id, responder) DO UPDATE SET outcome = excluded.outcome, late = true,
        data = excluded.data, reason = excluded.reason, received_at = excluded.received_at
    WHERE response.outcome = 'timed_out'
    RETURNING response.scatter_id, response.responder
), said AS (
    SELECT scatter_id, array_agg(responder) AS responders,
        pg_notify('wildrydes_scatter', scatter_id::text) AS told
    FROM written GROUP BY scatter_id
)
SELECT judged.*, said.told, said.responders FROM judged LEFT JOIN said ON scatter_id = judged.id
ORDER BY judged.id
"""  # noqa: S608 - constants

COUNT = """
SELECT scatter.id, scatter.deadline_at <= clock_timestamp(), said.responded, said.answered
FROM wildrydes_scatter AS scatter CROSS JOIN LATERAL (
    SELECT count(*) AS responded, count(*) FILTER (WHERE outcome = 'answered') AS answered
    FROM wildrydes_response WHERE scatter_id = scatter.id
) AS said
WHERE scatter.id = ANY(%s) AND scatter.status = 'open' ORDER BY scatter.id
"""

TIME_OUT = """
INSERT INTO wildrydes_response (scatter_id, responder, outcome, late, data, reason, received_at)
SELECT scatter.id, name, 'timed_out', false, '{}', '', clock_timestamp()
FROM wildrydes_scatter AS scatter CROSS JOIN LATERAL unnest(scatter.asked) AS name
WHERE scatter.id = ANY(%s) ORDER BY scatter.id, name
ON CONFLICT (scatter_id, responder) DO NOTHING
"""

# With what of its request's message the event has to carry on, where the log still has that.
CLOSE = """
WITH closed AS (
    UPDATE wildrydes_scatter SET status = 'closed', closed_at = clock_timestamp(),
        closed_because = %s
    WHERE id = ANY(%s) RETURNING id, closed_at
)
SELECT closed.id, closed.closed_at, message.correlation_id, message.trace_parent,
    pg_notify('wildrydes_scatter', closed.id::text)
FROM closed LEFT JOIN wildrydes_message AS message ON message.id = closed.id
"""

ENTRIES = """
SELECT scatter_id, responder, outcome, late, data::text, reason, received_at
FROM wildrydes_response WHERE scatter_id = ANY(%s) ORDER BY received_at, id
"""

CLAIM_DUE = f"""
SELECT {QUESTION}, {PATIENCE} FROM wildrydes_scatter
WHERE status = 'open' AND deadline_at <= clock_timestamp()
ORDER BY deadline_at LIMIT %s FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - constants

NEXT_DEADLINE = """
SELECT min(deadline_at) - clock_timestamp() FROM wildrydes_scatter WHERE status = 'open'
"""
