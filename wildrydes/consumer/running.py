"""Run a handler: in a savepoint, within its time limit, as part of its message's story."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg.errors
from django.db import DatabaseError, transaction

from wildrydes import context
from wildrydes.consumer import heartbeat, limits
from wildrydes.consumer.reading import Item
from wildrydes.errors import Retry
from wildrydes.subscriptions import Binding
from wildrydes.topology import Subscription

PASSING = (
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.LockNotAvailable,
)


def attempt(
    binding: Binding, items: Sequence[Item], *, subscription: Subscription
) -> Exception | None:
    """Run the handler in a savepoint; return what it raised, after rolling back to there.

    One that takes single messages is called for each of them, in the same savepoint. Where
    Postgres chose a call as the victim of a deadlock, or it asks for another try at once, it is
    run once more in place: waiting would only hold the worker.
    """
    error = _run(binding, items, subscription)
    is_one_call = binding.takes_batches or len(items) == 1
    if error is None or subscription.at_most_once or not is_one_call:
        return error
    return _run(binding, items, subscription) if _is_worth_another_try_at_once(error) else error


def _run(binding: Binding, items: Sequence[Item], subscription: Subscription) -> Exception | None:
    calls = [items] if binding.takes_batches else [[item] for item in items]
    guard = heartbeat.of_this_process()
    try:
        with transaction.atomic():
            for together in calls:
                first = together[0].envelope
                work = context.Context(first.correlation_id, first.id, first.trace_parent)
                with (
                    guard.ending_worker_after(subscription.time_limit),
                    context.working_for(work),
                    limits.time_limit(subscription.time_limit),
                ):
                    binding.run([item.envelope for item in together])
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is its message's fate
        return error
    return None


def _is_worth_another_try_at_once(error: Exception) -> bool:
    if isinstance(error, Retry):
        return not error.after
    return isinstance(error, DatabaseError) and isinstance(error.__cause__, PASSING)
