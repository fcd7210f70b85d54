"""The HTTP process: a thread for each connection, which stays open between requests."""

from __future__ import annotations

import hmac
import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from config.sandbox import control, wire
from config.sandbox.ledger import Ledger
from config.sandbox.provider import Outcome, Provider, Request
from config.sandbox.wire import Answer

HEALTH = "/sandbox/health"
MOST_BYTES = 256 * 1024


class Sandbox(ThreadingHTTPServer):
    """The server, with the ledger that all its connections share."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, *, host: str, port: int, key: str, path: Path) -> None:
        super().__init__((host, port), _Connection)
        self.key = key
        self.ledger = Ledger(path)
        self.provider = Provider(self.ledger)

    def run(self) -> None:
        """Answer until SIGTERM or SIGINT."""

        def stop(signum: int, frame: FrameType | None) -> None:
            threading.Thread(target=self.shutdown).start()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        self.serve_forever(poll_interval=0.1)


class _Connection(BaseHTTPRequestHandler):
    server: Sandbox
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            outcome = self._outcome(self._body())
        except wire.Refusal as refusal:
            outcome = Outcome(refusal.answer)
        for _ in range(outcome.times):
            self._write(outcome.answer)
        if not outcome.times:
            self.close_connection = True

    def _outcome(self, body: str) -> Outcome:
        url = urlsplit(self.path)
        if url.path == HEALTH:
            return Outcome(Answer(200, {"status": "ok"}))
        self._refuse_stranger()
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        if url.path.startswith("/sandbox/"):
            return Outcome(self._own(url.path, query, body))
        form = wire.read_form(body if self.command == "POST" else url.query)
        key = self.headers.get("Idempotency-Key", "")
        return self.server.provider.answer(Request(self.command, url.path, form, key))

    def _own(self, path: str, query: dict[str, str], body: str) -> Answer:
        """Answer what is not Stripe's: the control and the books."""
        ledger = self.server.ledger
        match self.command, path:
            case "GET", "/sandbox/control":
                return Answer(200, control.shown(ledger))
            case "POST", "/sandbox/control":
                return Answer(200, control.change(ledger, _object(body)))
            case "GET", "/sandbox/ledger":
                after = query.get("after", "0")
                reference = query.get("reference", "")
                start = int(after) if after.isdecimal() else 0
                return Answer(200, control.books(ledger, reference=reference, after=start))
        raise wire.invalid("There is no such page.", status=404)

    def _refuse_stranger(self) -> None:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not hmac.compare_digest(key.encode(), self.server.key.encode()):
            raise wire.invalid("Invalid API Key provided.", status=401)

    def _body(self) -> str:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            raise wire.invalid("The body is too large.", status=413)
        return self.rfile.read(int(length)).decode("utf-8", "replace")

    def _write(self, answer: Answer) -> None:
        content = json.dumps(answer.body).encode()
        self.send_response_only(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Keep silent: what is asked of a payment provider stands in its ledger."""


def _object(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise wire.invalid("The body must be a JSON object.")
    return found
