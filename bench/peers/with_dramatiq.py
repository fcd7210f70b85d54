"""dramatiq 2 on Redis.

Settings: the default middleware (age limit, time limit, retries …), acknowledged when done, which
is all that it has. Workers: `dramatiq --processes 2 --threads 8`, the default number of threads;
each thread keeps its own connection to Postgres.
"""

from __future__ import annotations

import django
import dramatiq
from django.apps import apps
from django.conf import settings
from dramatiq.brokers.redis import RedisBroker

from bench.subscribers import SUBSCRIBERS

if not apps.ready:
    django.setup()

from bench.service import operations

broker = RedisBroker(url=settings.REDIS_CLIENT_URL)
dramatiq.set_broker(broker)


def _actor(subscriber: str) -> dramatiq.Actor[..., None]:
    @dramatiq.actor(actor_name=f"record_{subscriber}")
    def record(event_id: str, customer: str, amount: str) -> None:
        operations.record(
            subscriber=subscriber, event_id=event_id, customer=customer, amount=amount
        )

    return record


ACTORS = [_actor(subscriber) for subscriber in SUBSCRIBERS]


def announce(event_id: str, customer: str, amount: str) -> None:
    """Send five messages."""
    for actor in ACTORS:
        actor.send(event_id, customer, amount)
