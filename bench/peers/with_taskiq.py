"""taskiq on Redis streams, with acknowledgement.

Settings: `RedisStreamBroker`, acknowledged when executed, no results. Workers: `taskiq worker
--workers 2 --no-parse`, with eight threads each for the tasks, which are ordinary functions because
Django's ORM is. The view is synchronous, so one thread of the web process runs the event loop that
the five messages of a ride are sent from, side by side.
"""

from __future__ import annotations

import asyncio
import threading
from functools import cache

import django
from django.apps import apps
from django.conf import settings
from taskiq import AsyncTaskiqDecoratedTask
from taskiq_redis import RedisStreamBroker

from bench.subscribers import SUBSCRIBERS

if not apps.ready:
    django.setup()

from bench.service import operations

broker = RedisStreamBroker(url=settings.REDIS_CLIENT_URL, consumer_id="0")


def _task(subscriber: str) -> AsyncTaskiqDecoratedTask[..., None]:
    @broker.task(task_name=f"record_{subscriber}")
    def record(event_id: str, customer: str, amount: str) -> None:
        operations.record(
            subscriber=subscriber, event_id=event_id, customer=customer, amount=amount
        )

    return record


_one_at_a_time = threading.Lock()
TASKS = [_task(subscriber) for subscriber in SUBSCRIBERS]


@cache
def _started() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="taskiq", daemon=True).start()
    asyncio.run_coroutine_threadsafe(broker.startup(), loop).result()
    return loop


def _loop() -> asyncio.AbstractEventLoop:
    """Return the loop that the broker's connections belong to; threads must not make two."""
    with _one_at_a_time:
        return _started()


async def _announce(event_id: str, customer: str, amount: str) -> None:
    await asyncio.gather(*(task.kiq(event_id, customer, amount) for task in TASKS))


def announce(event_id: str, customer: str, amount: str) -> None:
    """Send five messages."""
    asyncio.run_coroutine_threadsafe(_announce(event_id, customer, amount), _loop()).result()
