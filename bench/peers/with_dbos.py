"""DBOS 3.4: a durable workflow of five steps, `python -m bench.peers.with_dbos worker1`.

Settings: two processes, sixteen workflows each at a time, the queue polled twenty times a second
(once is the default), a pooled connection for each thread. A step leaves its effect in one
statement and one commit, safe to call twice; DBOS keeps the step's result in another, and the
status row is its own. Transactions of a datasource, which commit both together, were slower (46
workflows a second against 82), because the result is kept a second time all the same; so were
asynchronous steps (61). Workflows are enqueued a hundred in one transaction.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import cache
from uuid import UUID

import sqlalchemy
from dbos import DBOS, DBOSClient, DBOSConfig, run_dbos_database_migrations

from bench.sagas import names

URL = os.environ["DATABASE_URL"]
APPLICATION = "sagas"
VERSION = "1"
QUEUE = "sagas"
AT_A_TIME = 16
POLL_SECONDS = 0.05

EFFECT = sqlalchemy.text(
    "INSERT INTO sagas_effect (saga_id, step, customer, amount) "
    "VALUES (:saga, :step, :customer, :amount) ON CONFLICT DO NOTHING"
)


@DBOS.step()
def record(saga: str, step: str, customer: str, amount: str) -> None:
    """Keep one effect in one statement and one commit. Safe to call twice."""
    with _engine().connect() as connection:
        values = {"saga": saga, "step": step, "customer": customer, "amount": amount}
        connection.execute(EFFECT, values)


@DBOS.workflow(name=names.SAGA)
def collect(saga: str, customer: str, amount: str) -> None:
    """Do the five steps."""
    for step in names.STEPS:
        record(saga, step, customer, amount)


def main(executor: str) -> None:
    """Run workflows until told to stop."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    DBOS(
        config=DBOSConfig(
            name=APPLICATION,
            system_database_url=URL,
            executor_id=executor,
            application_version=VERSION,
            run_migrations=False,
            log_level="WARNING",
        )
    )
    DBOS.launch()
    stopped.wait()
    DBOS.destroy()


def prepare() -> None:
    """Make DBOS's tables, and the queue."""
    run_dbos_database_migrations(URL)
    _client().register_queue(QUEUE, worker_concurrency=AT_A_TIME, polling_interval_sec=POLL_SECONDS)


def start(sagas: Sequence[UUID]) -> None:
    """Start these sagas, all in one transaction."""
    client = _client()
    together = _engine().execution_options(isolation_level="READ COMMITTED")
    with together.begin() as connection:
        for saga in sagas:
            client.enqueue_in_transaction(
                connection,
                {
                    "workflow_name": names.SAGA,
                    "queue_name": QUEUE,
                    "workflow_id": str(saga),
                    "app_version": VERSION,
                },
                str(saga),
                **names.INPUT,
            )


@cache
def _client() -> DBOSClient:
    return DBOSClient(system_database_url=URL, application_name=APPLICATION)


@cache
def _engine() -> sqlalchemy.Engine:
    url = sqlalchemy.make_url(URL).set(drivername="postgresql+psycopg")
    return sqlalchemy.create_engine(
        url, isolation_level="AUTOCOMMIT", pool_size=AT_A_TIME, max_overflow=0
    )


if __name__ == "__main__":
    main(sys.argv[1])
