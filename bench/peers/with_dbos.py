"""DBOS 3.4: a durable workflow of five steps, `python -m bench.peers.with_dbos worker-1`.

Each step is a transaction of a datasource, DBOS's own way to commit an effect and the step's
record together; the status row is DBOS's. Workflows are enqueued a hundred in one transaction, and
taken by two processes.
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
from dbos import DBOS, DBOSClient, DBOSConfig, SQLAlchemyDatasource, run_dbos_database_migrations

from bench.sagas import names

URL = os.environ["DATABASE_URL"]
QUEUE = "sagas"
VERSION = "1"
AT_ONCE = 16
POLL_SECONDS = 0.05

EFFECT = sqlalchemy.text(
    "INSERT INTO sagas_effect (saga_id, step, customer, amount) "
    "VALUES (:saga, :step, :customer, :amount)"
)


def main(executor: str) -> None:
    """Run workflows until told to stop."""
    config = DBOSConfig(
        name="sagas",
        system_database_url=URL,
        executor_id=executor,
        application_version=VERSION,
        run_migrations=False,
        log_level="WARNING",
    )
    DBOS(config=config)
    data = SQLAlchemyDatasource.create(
        URL, engine_kwargs={"pool_size": AT_ONCE, "max_overflow": 0}, run_migrations=False
    )

    @data.transaction(isolation_level="READ COMMITTED")
    def record(saga: str, step: str, customer: str, amount: str) -> None:
        values = {"saga": saga, "step": step, "customer": customer, "amount": amount}
        data.sql_session().execute(EFFECT, values)

    @DBOS.workflow(name=names.SAGA)
    def collect(saga: str, customer: str, amount: str) -> None:
        for step in names.STEPS:
            record(saga, step, customer, amount)

    DBOS.launch()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
    DBOS.destroy()


def prepare() -> None:
    """Make DBOS's tables, and the queue."""
    run_dbos_database_migrations(URL)
    SQLAlchemyDatasource.migrate(URL)
    _client().register_queue(QUEUE, worker_concurrency=AT_ONCE, polling_interval_sec=POLL_SECONDS)


def start(sagas: Sequence[UUID]) -> None:
    """Start these sagas, all in one transaction."""
    client, engine = _client(), _engine()
    with engine.begin() as connection:
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
    return DBOSClient(system_database_url=URL, application_name="sagas")


@cache
def _engine() -> sqlalchemy.Engine:
    url = sqlalchemy.make_url(URL).set(drivername="postgresql+psycopg")
    return sqlalchemy.create_engine(url)


if __name__ == "__main__":
    main(sys.argv[1])
