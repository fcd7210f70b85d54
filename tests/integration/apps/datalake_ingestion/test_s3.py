"""A lake in an object store: a server that speaks S3, as a process of its own on loopback."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from uuid import UUID

import boto3
import pytest
from django.conf import settings as project

from apps.datalake_ingestion import asking
from apps.datalake_ingestion.lake import open_lake
from apps.datalake_ingestion.models import LakeFile
from apps.datalake_ingestion.operations import compacting
from wildrydes.envelope import Envelope

Make = Callable[..., Envelope]
Ingest = Callable[..., None]

LATER = datetime(2026, 3, 3, tzinfo=UTC)
PATIENCE_SECONDS = 60
SERVE = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Return where an object store answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_it_listens(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _wait_until_it_listens(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the object store does not answer")


@pytest.fixture
def store(server: str, monkeypatch: pytest.MonkeyPatch, settings: object) -> boto3.client:
    """Return a client of the object store, with an empty bucket in it that is the lake's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = boto3.client("s3")
    bucket = f"bucket-{time.monotonic_ns()}"
    client.create_bucket(Bucket=bucket)
    settings.LAKE_URL = f"s3://{bucket}/a-lake"  # type: ignore[attr-defined]
    yield client
    client.close()


def keys(store: boto3.client) -> list[str]:
    bucket = project.LAKE_URL.split("/")[2]
    listed = store.list_objects_v2(Bucket=bucket)
    return [item["Key"] for item in listed.get("Contents", []) if item["Key"][-1] != "/"]


def counted() -> tuple[int, int]:
    sql = "SELECT count(*), count(DISTINCT id) FROM events"
    (row,) = asking.ask(sql, lake=open_lake(project.LAKE_URL)).rows
    return row[0], row[1]


def test_a_file_is_where_its_path_says_and_reads_back(store: boto3.client) -> None:
    lake = open_lake(project.LAKE_URL)
    file = UUID("01990000-0000-7000-8000-000000000003")
    path = lake.path(type_="v1.ride.completed", day=date(2026, 3, 1), file=file)

    lake.put(path, b"content")

    assert keys(store) == [f"a-lake/type=v1.ride.completed/day=2026-03-01/{file}.parquet"]
    assert lake.get(path) == b"content"
    assert lake.paths() == [path]
    assert lake.has(path)
    lake.clear([path], of=file)
    assert not lake.has(path)
    with pytest.raises(FileNotFoundError):
        lake.get(path)


@pytest.mark.django_db
def test_events_are_written_and_asked_for(
    store: boto3.client, ride_completed: Make, ingest: Ingest
) -> None:
    ingest([ride_completed(fare=10)], [ride_completed(fare=20)])

    lake = open_lake(project.LAKE_URL)
    assert asking.ask("SELECT sum(fare) FROM ride_completed", lake=lake).rows == ((30,),)


class Dies(BaseException):
    """A process that ends in the middle."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", ["planned", "merging", "merged", "clearing", "cleared"])
def test_a_compaction_that_is_broken_off_anywhere_is_not_seen_by_questions(
    store: boto3.client,
    ride_completed: Make,
    ingest: Ingest,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
) -> None:
    ingest(*([ride_completed(), ride_completed()] for _ in range(3)))

    def reach(reached: str) -> None:
        if reached == f"lake.{point}":
            raise Dies

    with monkeypatch.context() as patched:
        patched.setattr("wildrydes.crashpoints.reach", reach)
        with pytest.raises(Dies):
            list(compacting.compact(lake=open_lake(project.LAKE_URL), now=LATER))
    assert counted() == (6, 6)

    list(compacting.compact(lake=open_lake(project.LAKE_URL), now=LATER))

    assert counted() == (6, 6)
    assert len(keys(store)) == LakeFile.objects.count() == 1
