"""The sandbox provider as a test meets it: a real process that may be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from config.env import PROJECT_ROOT
from tests.ports import free_port

KEY = "sk_sandbox_of_the_tests"
START_SECONDS = 40.0


@dataclass
class SandboxProcess:
    """One sandbox, its ledger in `directory`, and how a test talks to it beside Stripe's way."""

    directory: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables that lead a process of ours to it."""
        return {"STRIPE_API_BASE": self.url, "STRIPE_SECRET_KEY": KEY}

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.directory.mkdir(parents=True, exist_ok=True)
        own = {
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "WILDRYDES_STATE_DIR": str(self.directory),
        }
        command = [sys.executable, "manage.py", "payment_sandbox", "--port", str(self.port)]
        with (self.directory / "sandbox.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=PROJECT_ROOT,
                env={**os.environ, **self.environment, **own},
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, (self.directory / "sandbox.log").read_text()
            assert time.monotonic() < deadline, "the sandbox does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end."""
        self._end(signal.SIGTERM)

    def control(self, **wanted: Any) -> None:
        """Tell it how to behave from now on."""
        with self._client() as client:
            client.post("/sandbox/control", json=wanted).raise_for_status()

    def behave(self) -> None:
        """Take back all that it was told."""
        self.control(down=False, latency=0, hang=30, rules=[])

    def ledger(self, reference: str = "") -> dict[str, Any]:
        """Return its books, all of them or the movements of one payment."""
        with self._client() as client:
            answer = client.get("/sandbox/ledger", params={"reference": reference})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def moved(self, reference: str) -> list[tuple[str, str]]:
        """Return what happened to the money of one payment, in order."""
        found = self.ledger(reference)["movements"]
        return [(item["kind"], item["amount"]) for item in found]

    def _client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx.Client(base_url=self.url, headers=headers, trust_env=False)

    def _answers(self) -> bool:
        try:
            page = f"{self.url}/sandbox/health"
            return httpx.get(page, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=15)
            self._process = None


@contextmanager
def running(directory: Path) -> Iterator[SandboxProcess]:
    """Yield a sandbox that runs during the block."""
    sandbox = SandboxProcess(directory)
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()
