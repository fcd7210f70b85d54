"""A lake in an object store, spoken to over HTTP as S3 is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import unquote, urlsplit
from uuid import UUID

import pytest

from apps.datalake_ingestion.lake import open_lake

STARTED = b"<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
COMPLETED = b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"


class ObjectStore(BaseHTTPRequestHandler):
    """As much of S3 as one upload takes: an object is there once its upload is completed."""

    protocol_version = "HTTP/1.1"
    parts: ClassVar[dict[str, bytes]] = {}
    objects: ClassVar[dict[str, bytes]] = {}

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(200 if self._key() in self.objects else 404)

    def do_PUT(self) -> None:
        self.parts[self._key()] = self._body()
        self._answer(200)

    def do_POST(self) -> None:
        self._body()
        if "uploadId=" not in self.path:
            self._answer(200, STARTED)
            return
        self.objects[self._key()] = self.parts.pop(self._key())
        self._answer(200, COMPLETED)

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return b"".join(self._chunks())

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("ETag", '"x"')
        self.send_header("x-amz-bucket-region", "eu-central-1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def object_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[ObjectStore]]:
    """Serve an empty object store, and point what speaks S3 at it."""
    ObjectStore.objects.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), ObjectStore)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-test")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield ObjectStore
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_file_of_a_lake_in_an_object_store_appears_as_a_whole(
    object_store: type[ObjectStore],
) -> None:
    lake = open_lake("s3://a-bucket/a-lake")
    file = UUID("01990000-0000-7000-8000-000000000003")
    path = lake.path(type_="v1.ride.completed", day=date(2026, 3, 1), file=file)

    lake.put(path, b"content")

    (key,) = object_store.objects
    assert key == f"/a-bucket/a-lake/type=v1.ride.completed/day=2026-03-01/{file}.parquet"
    assert b"content" in object_store.objects[key]
