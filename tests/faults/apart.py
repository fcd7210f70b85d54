"""Crash points on the way between two databases: a service that runs apart, and its publisher.

Customer accounting has a database of its own here; its acknowledgements travel back over Redis.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import psycopg

from tests.acceptance.stage import wait_until
from tests.faults import running, servers
from tests.faults.audit import Findings
from tests.faults.deployment import Deployment
from tests.faults.injections import processes
from tests.faults.load import Accepted, rides_keep_coming
from tests.faults.report import Row
from tests.faults.running import PLAIN, QUIET_SECONDS, Experiment
from tests.faults.servers import Ground, Scene
from tests.faults.topology import QUEUE_NAMES

APART = "customer_accounting"
POINTS = ("relay.acknowledging", "relay.acknowledged")
IN_TURN = (1, 4)
OTHERS = tuple(name for name in QUEUE_NAMES if name != APART)


class Consumer(Deployment):
    """Customer accounting alone: a relay and a worker, and no web process."""

    def start_web(self) -> None:
        """Nobody asks this service anything here."""


def crash(point: str, ground: Ground, rounds: int) -> Row:
    """Crash at the point under load, wait until both databases are quiet, compare them."""
    began = time.monotonic()
    with _apart(ground) as (scene, consumer):
        ended: list[float] = []
        with rides_keep_coming(url=scene.deployment.url, token=ground.token) as accepted:
            for nth in IN_TURN * rounds:
                running.wait_for_rides(accepted)
                inject = processes.crash_at(point, name="relay1", nth=nth)
                ended.append(inject(scene))
        findings, recoveries = _compare(scene.deployment, consumer, accepted, ended)
    row = Row(_name(point), len(ended), findings, recoveries)
    sys.stderr.write(f"{row.fault}: {row.events} events, {time.monotonic() - began:.0f} s\n")
    return row


def _name(point: str) -> str:
    return f"crash point {point} (services apart)"


@contextmanager
def _apart(ground: Ground) -> Iterator[tuple[Scene, Consumer]]:
    with ExitStack() as stack:
        scene = stack.enter_context(servers.scene(ground, PLAIN, queues=OTHERS))
        name = f"{scene.database}_{APART}"
        ground.postgres.create_database(name)
        consumer = Consumer(
            directory=ground.directory / name,
            database_url=ground.postgres.database_url(name),
            redis_url=scene.deployment.redis_url,
            settings=f"config.services.{APART}",
            workers=1,
            queues=(APART,),
        )
        consumer.manage("migrate", "--verbosity", "0")
        stack.enter_context(consumer.running())
        yield scene, consumer


def _compare(
    publisher: Deployment, consumer: Deployment, accepted: Accepted, ended: Sequence[float]
) -> tuple[Findings, list[float]]:
    findings = Findings()
    for deployment in (publisher, consumer):
        _wait_until_quiet(deployment, findings)
    published = _published(publisher)
    done = _done(consumer)
    findings.events = len(published)
    stored = publisher.query("SELECT ride FROM unicorn_management_ridecompletion")
    told = accepted.rides.keys() - {ride for (ride,) in stored}
    findings.lost["rides that were told yes"] = len(told)
    findings.lost["record_fare"] = len(published.keys() - done.keys())
    entries = "SELECT ride_completion, count(*) FROM customer_accounting_journalentry GROUP BY 1"
    times = dict(consumer.query(entries))
    rides = publisher.query("SELECT id FROM unicorn_management_ridecompletion")
    findings.lost["journal entries"] = sum(ride not in times for (ride,) in rides)
    findings.doubled["journal entries"] = sum(count - 1 for count in times.values())
    return findings, [_recovery(published, done, at) for at in ended]


def _recovery(published: dict[object, float], done: dict[object, float], ended_at: float) -> float:
    late = (done[key] - ended_at for key, at in published.items() if at <= ended_at and key in done)
    return max(0.0, max(late, default=0.0))


def _wait_until_quiet(deployment: Deployment, findings: Findings) -> None:
    tables = (
        "wildrydes_unrouted",
        "wildrydes_dispatch",
        "wildrydes_receipt WHERE status <> 'done'",
    )
    try:
        wait_until(
            lambda: sum(deployment.count(table) for table in tables) == 0,
            what=f"{deployment.settings} is quiet",
            seconds=QUIET_SECONDS,
        )
    except AssertionError as error:
        findings.broken.append(str(error))


def _published(publisher: Deployment) -> dict[object, float]:
    with psycopg.connect(publisher.database_url) as connection:
        return dict(
            connection.execute(
                "SELECT id, extract(epoch FROM published_at)::float FROM wildrydes_message"
                " WHERE type = 'v1.ride.completed'"
            ).fetchall()
        )


def _done(consumer: Deployment) -> dict[object, float]:
    with psycopg.connect(consumer.database_url) as connection:
        return dict(
            connection.execute(
                "SELECT message_id, extract(epoch FROM done_at)::float FROM wildrydes_receipt"
                " WHERE subscription = 'customer_accounting.record_fare' AND status = 'done'"
            ).fetchall()
        )


CRASHES = tuple(Experiment(_name(point), partial(crash, point)) for point in POINTS)
