"""Negative controls: the harness has to find losses, and doubles, where there must be some.

One is the same use case written the usual way. Another is Wild Rydes with a database that forgets
receipts: a message that arrives twice is new each time. The third keeps no order, the fourth no
deadlines, and the fifth sends nothing a second time, which sagas do not survive.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import httpx
import psycopg
import redis

from config.embedded.valkey import EmbeddedValkey
from tests.acceptance.stage import wait_until
from tests.faults import quotes, running, sagas, servers
from tests.faults.asking import Asking, quotes_keep_being_asked
from tests.faults.audit import Findings, Ledger
from tests.faults.deployment import Deployment
from tests.faults.injections import processes, wire
from tests.faults.load import Style, rides_keep_coming
from tests.faults.report import Row
from tests.faults.running import Experiment, Fault
from tests.faults.servers import Ground, Scene, Setting
from tests.faults.starting import Plan, sagas_keep_starting
from tests.faults.topology import DOING

USUAL_WAY = "negative control: the usual way"
RECEIPTS_OFF = "negative control: receipts off"
ORDER_OFF = "negative control: order off"
DEADLINES_OFF = "negative control: deadlines off"
SENT_ONCE = "negative control: sagas, nothing sent again"

STILL_SECONDS = 2.0
PATIENCE_SECONDS = 60.0
EFFECTS_BETWEEN = 200
ROUND = ("worker1", "web", "redis")
NOBODY = "the usual way asks nobody for a token"
REQUESTS = 10
SAGAS_BETWEEN = 40
NO_RIDES = (Asking("passenger1", deadlines=(1,)), Asking("passenger2", deadlines=(1,)))
LOAD = tuple(Style(f"customer{number}", pause=0.04) for number in range(6))

# A receipt that is there already goes, so that the claim which follows finds nothing. The rule
# that a ride has one notification goes too: it would hide what the receipts no longer prevent.
FORGET_RECEIPTS = """
CREATE FUNCTION forget_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM wildrydes_receipt
    WHERE message_id = NEW.message_id AND subscription = NEW.subscription AND status = 'done';
    RETURN NEW;
END $$;
CREATE TRIGGER forget_receipt BEFORE INSERT ON wildrydes_receipt
    FOR EACH ROW EXECUTE FUNCTION forget_receipt();
ALTER TABLE customer_notification_notification DROP CONSTRAINT customer_notification_once;
"""

ONE_IS_SILENT = """
UPDATE unicorn_management_fleet SET answer_rate = CASE slug WHEN 'winelands' THEN 0 ELSE 1 END,
    delay_min_seconds = 0, delay_median_seconds = 0, delay_max_seconds = 0
"""

EFFECTS = {
    "notification": "true",
    "ledgerentry": "true",
    "pointsentry": "true",
    "lakerow": "true",
    "extraordinaryride": "ride.fare >= 50 AND ride.distance >= 20",
}
EFFECTS_OF_RIDES = """
SELECT count(*) FILTER (WHERE times = 0), coalesce(sum(times - 1) FILTER (WHERE times > 1), 0)
FROM (
    SELECT ride.id, count(effect.id) AS times FROM usual_way_ride AS ride
    LEFT JOIN usual_way_{table} AS effect ON effect.ride_id = ride.id
    WHERE ride.id = ANY(%s) AND {wanted} GROUP BY ride.id
) AS found
"""


class UsualWay(Deployment):
    """The processes of the usual way: a web server, and a worker with Celery's defaults."""

    def start_web(self) -> None:
        """Start the HTTP server and wait until it answers."""
        interface = ["--interface", "wsgi", "bench.peers.usual_way.wsgi:application"]
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        self._start("web", "granian", *interface, *address, "--blocking-threads", "4")
        wait_until(self._answers, what="web answers", seconds=40)

    def start_worker(self, name: str = "worker", *, queues: Sequence[str] = ()) -> None:
        """Start the worker as Celery's first steps say, with a process for each of two cores."""
        self._start(name, "celery", "-A", "bench.peers.usual_way", "worker", "--concurrency", "2")

    def _answers(self) -> bool:
        try:
            httpx.get(self.url, trust_env=False)
        except httpx.TransportError:
            return False
        return True


def usual_way(ground: Ground, rounds: int) -> Row:
    """Kill the worker and the web process and empty Redis; count what was told yes and is lost."""
    began = time.monotonic()
    findings = Findings()
    with _running(ground) as (deployment, client):
        with rides_keep_coming(url=deployment.url, token=NOBODY, styles=LOAD) as accepted:
            for harm in ROUND * rounds:
                _wait_for_effects(deployment)
                if harm == "redis":
                    client.flushall()
                else:
                    deployment.kill_hard(harm)
        _wait_until_still(deployment, client)
        _count(deployment, [int(ride) for ride in accepted.rides.values()], findings)
    row = Row(USUAL_WAY, len(ROUND) * rounds, findings, must_lose=True)
    sys.stderr.write(
        f"{row.fault}: {row.events} rides told yes, {row.lost} effects lost "
        f"{dict(+findings.lost)}, {time.monotonic() - began:.0f} s\n"
    )
    return row


def receipts_off(ground: Ground, rounds: int) -> Row:
    """Push every message twice where receipts are forgotten, and count what is doubled."""
    with servers.scene(ground, running.PLAIN) as scene:
        with scene.sql() as connection:
            connection.execute(FORGET_RECEIPTS)
        row = running.run(Fault(RECEIPTS_OFF, (wire.double,), rounds=rounds), scene)
    row.must_double = True
    return row


def order_off(ground: Ground, rounds: int) -> Row:
    """Shuffle the queues where no subscription keeps order, and count what is out of order."""
    setting = Setting("no order", settings="tests.faults.without_order")
    with servers.scene(ground, setting) as scene:
        row = running.run(Fault(ORDER_OFF, (wire.shuffle,), rounds=rounds), scene)
    row.must_disorder = True
    return row


def deadlines_off(ground: Ground, rounds: int) -> Row:
    """Ask for quotes where nobody looks at the clock, and count what is never closed."""
    began = time.monotonic()
    findings = Findings()
    setting = Setting("no deadlines", settings="tests.faults.no_deadlines.settings")
    with servers.scene(ground, setting) as scene, scene.sql() as connection:
        connection.execute(ONE_IS_SILENT)
        ledger = Ledger(connection)
        silent = replace(ground, fleets={})
        with quotes_keep_being_asked(
            url=scene.deployment.url, ground=silent, styles=NO_RIDES
        ) as told:
            wait_until(lambda: len(told.rfqs) >= REQUESTS * rounds, what="many have asked")
        time.sleep(NO_RIDES[0].deadlines[0] + quotes.LATEST_SECONDS)
        wait_until(lambda: ledger.open().keys() <= {"scatters"}, what="all else is done")
        quotes.check(ledger.rows, since=0, told=told, findings=findings)
    lost = {quotes.CLOSED: findings.lost[quotes.CLOSED]}
    findings = Findings(events=len(told.rfqs), lost=Counter(lost))
    row = Row(DEADLINES_OFF, 1, findings, must_lose=True)
    sys.stderr.write(
        f"{row.fault}: {row.events} requests told yes, {dict(+findings.lost)}, "
        f"{time.monotonic() - began:.0f} s\n"
    )
    return row


def sent_once(ground: Ground, _rounds: int) -> Row:
    """Empty Redis where nothing is sent again, and count the sagas that never end.

    Once: what is lost keeps its places in its queue for ever, and soon nothing is on its way.
    """
    began = time.monotonic()
    findings = Findings()
    setting = Setting("nothing again", settings="tests.faults.sent_once.settings")
    with servers.scene(ground, setting) as scene, scene.sql() as connection:
        ledger = Ledger(connection)
        with sagas_keep_starting(url=scene.deployment.url, plans=(Plan(),)) as started:
            wait_until(partial(_has_more, started.sagas, SAGAS_BETWEEN), what="sagas are started")
            with processes.all_frozen(scene, "worker"):
                wait_until(partial(_is_on_the_wire, scene), what="something is on its way")
                scene.redis().flushall()
        _wait_until_no_saga_moves(ledger)
        sagas.check(ledger.rows, since=0, started=started, findings=findings)
    lost = {sagas.UNENDED: findings.lost[sagas.UNENDED]}
    findings = Findings(events=len(started.sagas), lost=Counter(lost))
    row = Row(SENT_ONCE, 1, findings, must_lose=True)
    sys.stderr.write(
        f"{row.fault}: {row.events} sagas told yes, {dict(+findings.lost)}, "
        f"{time.monotonic() - began:.0f} s\n"
    )
    return row


def _is_on_the_wire(scene: Scene) -> bool:
    client = scene.redis()
    return any(client.llen(queue) for queue in DOING)


def _has_more(told: Mapping[str, str], than: int) -> bool:
    return len(told) > than


def _wait_until_no_saga_moves(ledger: Ledger) -> None:
    """Wait until no history has got longer for some seconds."""
    seen, since = -1, time.monotonic()

    def still() -> bool:
        nonlocal seen, since
        now = int(ledger.rows("SELECT count(*) FROM wildrydes_sagaevent")[0][0])
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > STILL_SECONDS

    wait_until(still, what="the sagas have come to rest", seconds=PATIENCE_SECONDS)


@contextmanager
def _running(ground: Ground) -> Iterator[tuple[UsualWay, redis.Redis]]:
    """Yield the usual way, running on a database and a Redis of its own, and a Redis client."""
    name = "usual_way"
    ground.postgres.create_database(name)
    directory = ground.directory / name
    with EmbeddedValkey(directory=directory / "redis") as valkey:
        deployment = UsualWay(
            directory=directory,
            database_url=ground.postgres.database_url(name),
            redis_url=valkey.redis_url(),
            settings="bench.peers.usual_way.settings",
            relays=0,
            workers=1,
        )
        deployment.manage("migrate", "--run-syncdb", "--verbosity", "0")
        with (
            deployment.running(),
            redis.Redis.from_url(valkey.redis_client_url()) as client,
        ):
            yield deployment, client


def _effects(deployment: Deployment) -> int:
    return sum(deployment.count(f"usual_way_{table}") for table in EFFECTS)


def _wait_for_effects(deployment: Deployment) -> None:
    """Wait until the worker is at work, so that harm is done to something that runs."""
    enough = _effects(deployment) + EFFECTS_BETWEEN
    wait_until(lambda: _effects(deployment) >= enough, what="the usual way works")


def _wait_until_still(deployment: Deployment, client: redis.Redis) -> None:
    """Wait until the queue is empty and no effect has been added for some seconds."""
    seen, since = -1, time.monotonic()

    def still() -> bool:
        nonlocal seen, since
        now = _effects(deployment)
        if now != seen or client.llen("celery"):
            seen, since = now, time.monotonic()
        return time.monotonic() - since > STILL_SECONDS

    wait_until(still, what="the usual way has come to rest", seconds=PATIENCE_SECONDS)


def _count(deployment: Deployment, rides: Sequence[int], findings: Findings) -> None:
    findings.events = len(rides)
    with psycopg.connect(deployment.database_url) as connection:
        for table, wanted in EFFECTS.items():
            statement = EFFECTS_OF_RIDES.format(table=table, wanted=wanted)
            found = connection.execute(statement.encode(), [list(rides)]).fetchone()
            assert found is not None
            findings.lost[table] += int(found[0])
            findings.doubled[table] += int(found[1])


CONTROLS = (
    Experiment(USUAL_WAY, usual_way, short=True),
    Experiment(RECEIPTS_OFF, receipts_off, short=True),
    Experiment(ORDER_OFF, order_off),
    Experiment(DEADLINES_OFF, deadlines_off),
    Experiment(SENT_ONCE, sent_once),
)
