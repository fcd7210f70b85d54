"""Overload is answered: clients that send slowly, or half, do not hold the threads that serve."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import httpx
import pytest

from .stage import RIDE, Servers, Stage

HALF_SENT = (
    b"POST /submit-ride-completion HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
)


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    return servers.stage()


@pytest.fixture(scope="module")
def token(stage: Stage) -> str:
    accounts = stage.prepare()
    stage.start_web()
    found: str = accounts["unicorns"][0]["token"]
    return found


@pytest.fixture
def half_sent_requests(stage: Stage, token: str) -> Iterator[list[socket.socket]]:
    """Leave forty requests unfinished for as long as the test takes."""
    sockets = [socket.create_connection(("127.0.0.1", stage.port)) for _ in range(40)]
    for client in sockets:
        client.sendall(HALF_SENT)
    yield sockets
    for client in sockets:
        client.close()


def as_sent(token: str, body: bytes, *, length: int) -> bytes:
    head = (
        "POST /submit-ride-completion HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Token {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


def answer_to(stage: Stage, request: bytes) -> bytes:
    """Send raw bytes, say that there are no more, and return what comes back."""
    with socket.create_connection(("127.0.0.1", stage.port), timeout=20) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
        return received


@pytest.mark.usefixtures("half_sent_requests")
def test_others_are_served_while_requests_are_half_sent(stage: Stage, token: str) -> None:
    headers = {"Authorization": f"Token {token}"}
    with httpx.Client(base_url=stage.url, headers=headers, timeout=5) as client:
        for _ in range(20):
            assert client.post("/submit-ride-completion", json=RIDE).status_code == 201
        assert client.get("/healthz").status_code == 200


def test_a_body_in_chunks_is_accepted(stage: Stage, token: str) -> None:
    def chunks() -> Iterator[bytes]:
        whole = json.dumps(RIDE).encode()
        yield whole[:20]
        yield whole[20:]

    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    answer = httpx.post(f"{stage.url}/submit-ride-completion", content=chunks(), headers=headers)
    assert answer.status_code == 201


def test_a_body_that_is_cut_off_is_not_stored(stage: Stage, token: str) -> None:
    before = stage.count("unicorn_management_ridecompletion")
    body = json.dumps(RIDE).encode()
    assert b" 201 " not in answer_to(stage, as_sent(token, body, length=len(body) + 100))
    assert stage.count("unicorn_management_ridecompletion") == before


def test_a_body_that_is_too_large_is_413_with_or_without_a_length(stage: Stage, token: str) -> None:
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    large = b'{"from": "' + b"x" * 300_000 + b'"}'
    for content in (large, iter([large[:1000], large[1000:]])):
        answer = httpx.post(f"{stage.url}/submit-ride-completion", content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.headers["Content-Type"] == "application/problem+json"
