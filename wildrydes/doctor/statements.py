"""What is asked of Postgres. Each row is (which, count, seconds since the oldest)."""

COUNTED_AT_MOST = 10_000

UNROUTED = """
WITH due AS (
    SELECT due_at, position FROM wildrydes_unrouted WHERE due_at <= clock_timestamp()
    ORDER BY due_at, position LIMIT %(most)s
)
SELECT '', count(*),
    extract(epoch FROM clock_timestamp() - min(greatest(due.due_at, message.published_at)))
FROM due JOIN wildrydes_message AS message USING (position)
"""

# Those that still stand in their queue have their lease extended, but nobody has taken them since
# they were sent: what counts is the lease that they were sent with.
UNACKNOWLEDGED = """
SELECT dispatch.subscription, count(*),
    extract(epoch FROM clock_timestamp() - min(dispatch.sent_at))
FROM wildrydes_dispatch AS dispatch
LEFT JOIN unnest(%(queues)s::text[], %(leases)s::interval[]) AS queue (name, lease)
    ON queue.name = dispatch.queue
WHERE dispatch.sent_at IS NOT NULL
    AND dispatch.sent_at + coalesce(queue.lease, interval '0') <= clock_timestamp()
GROUP BY dispatch.subscription
"""

# Ids are in order of time, and few dispatches are open: the oldest is found at once.
WAITING = """
SELECT '', (SELECT count(*) FROM (
    SELECT 1 FROM wildrydes_dispatch
    WHERE sent_at IS NULL AND queue <> ALL(%(limited)s::text[]) AND queue <> '' LIMIT %(most)s
) AS waiting), (
    SELECT extract(epoch FROM clock_timestamp() - created_at) FROM wildrydes_dispatch
    WHERE sent_at IS NULL AND queue <> ALL(%(limited)s::text[]) AND queue <> ''
    ORDER BY id LIMIT 1
)
"""

HELD_BACK = """
SELECT limited.name, count(*), extract(epoch FROM clock_timestamp() - min(waiting.created_at))
FROM unnest(%(limited)s::text[]) AS limited (name)
CROSS JOIN LATERAL (
    SELECT created_at FROM wildrydes_dispatch
    WHERE queue = limited.name AND sent_at IS NULL ORDER BY position LIMIT %(most)s
) AS waiting
GROUP BY limited.name
"""

# A loose index scan: one step in the index for each subscription that has any of this status.
_BY_SUBSCRIPTION = """
WITH RECURSIVE name AS (
    (SELECT subscription FROM wildrydes_receipt WHERE status = '{status}'
        ORDER BY subscription LIMIT 1)
    UNION ALL
    SELECT (SELECT subscription FROM wildrydes_receipt
        WHERE status = '{status}' AND subscription > name.subscription
        ORDER BY subscription LIMIT 1)
    FROM name WHERE name.subscription IS NOT NULL
)
SELECT name.subscription, found.many, extract(epoch FROM clock_timestamp() - found.since)
FROM name CROSS JOIN LATERAL (
    SELECT count({counted}) AS many, min(coalesce(last_failed_at, received_at)) AS since
    FROM (
        SELECT group_id, last_failed_at, received_at FROM wildrydes_receipt
        WHERE status = '{status}' AND subscription = name.subscription
        ORDER BY id LIMIT %(most)s
    ) AS receipt
) AS found
WHERE name.subscription IS NOT NULL
"""

PARKED = _BY_SUBSCRIPTION.format(status="parked", counted="DISTINCT group_id")
DEAD = _BY_SUBSCRIPTION.format(status="dead", counted="*")

# What relays look at again and again, a minute later each time.
UNTAKEN = """
SELECT message.type, count(*),
    extract(epoch FROM clock_timestamp() - min(coalesce(message.not_before, message.published_at)))
FROM (
    SELECT position FROM wildrydes_unrouted
    WHERE due_at > clock_timestamp() AND due_at <= clock_timestamp() + interval '1 minute'
    ORDER BY due_at LIMIT %(most)s
) AS soon JOIN wildrydes_message AS message USING (position)
WHERE coalesce(message.not_before, message.published_at) <= clock_timestamp()
GROUP BY message.type
"""

_RETRYING = _BY_SUBSCRIPTION.format(status="retrying", counted="*")

LEFT_BEHIND = f"""
SELECT subscription, sum(size), extract(epoch FROM clock_timestamp() - min(created_at))
FROM (SELECT * FROM wildrydes_dispatch WHERE queue = '' LIMIT %(most)s) AS dispatch
GROUP BY subscription
UNION ALL
SELECT * FROM ({_RETRYING}) AS receipt WHERE subscription <> ALL(%(subscriptions)s::text[])
"""  # noqa: S608 - constants

RETRIES_OVERDUE = """
SELECT '', count(*), extract(epoch FROM clock_timestamp() - min(next_attempt_at)) FROM (
    SELECT next_attempt_at FROM wildrydes_receipt
    WHERE status = 'retrying' AND next_attempt_at <= clock_timestamp()
    ORDER BY next_attempt_at LIMIT %(most)s
) AS receipt
"""

RETRIES_LOST = """
SELECT '', count(*), extract(epoch FROM clock_timestamp() - min(since)) FROM (
    SELECT coalesce(last_failed_at, received_at) AS since FROM wildrydes_receipt
    WHERE status = 'retrying' AND next_attempt_at IS NULL AND message_id NOT IN (
        SELECT unnest(message_ids) FROM wildrydes_dispatch
        WHERE source = 'receipts' OR sent_at IS NOT NULL
    )
    LIMIT %(most)s
) AS receipt
"""

SCATTERS_OVERDUE = """
SELECT '', count(*), extract(epoch FROM clock_timestamp() - min(deadline_at)) FROM (
    SELECT deadline_at FROM wildrydes_scatter
    WHERE status = 'open' AND deadline_at <= clock_timestamp()
    ORDER BY deadline_at LIMIT %(most)s
) AS scatter
"""

AGGREGATES_FAILED = """
SELECT gathering, count(*), extract(epoch FROM clock_timestamp() - min(closed_at)) FROM (
    SELECT gathering, closed_at FROM wildrydes_scatter WHERE error <> '' LIMIT %(most)s
) AS scatter GROUP BY gathering
"""

REQUESTS_OVERDUE = """
SELECT '', count(*), extract(epoch FROM clock_timestamp() - min(deadline)) FROM (
    SELECT deadline FROM wildrydes_request
    WHERE status = 'open' AND deadline <= clock_timestamp()
    ORDER BY deadline LIMIT %(most)s
) AS request
"""

SAGAS_STUCK = """
SELECT definition, count(*), extract(epoch FROM clock_timestamp() - min(since)) FROM (
    SELECT definition, (
        SELECT at FROM wildrydes_sagaevent AS event
        WHERE event.saga_id = saga.id AND kind = 'stuck' ORDER BY number DESC LIMIT 1
    ) AS since
    FROM wildrydes_saga AS saga WHERE status = 'stuck' LIMIT %(most)s
) AS saga GROUP BY definition
"""

SAGAS_OVERDUE = """
SELECT '', count(*), extract(epoch FROM clock_timestamp() - min(wake_at)) FROM (
    SELECT wake_at FROM wildrydes_saga WHERE wake_at <= clock_timestamp()
    ORDER BY wake_at LIMIT %(most)s
) AS saga
"""

SAGAS_OUT_OF_TIME = """
SELECT definition, count(*), extract(epoch FROM clock_timestamp() - min(deadline_at)) FROM (
    SELECT definition, deadline_at FROM wildrydes_saga
    WHERE ended_at IS NULL AND deadline_at <= clock_timestamp() AND status <> 'stuck'
    ORDER BY deadline_at LIMIT %(most)s
) AS saga GROUP BY definition
"""
