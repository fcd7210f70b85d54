"""The platform in one command: `manage.py up`, from outside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from apps.unicorn_management.messages import FLEETS
from config.embedded import clean, layout, processes
from tests.ports import free_port

PROJECT_ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 90.0
STOP_SECONDS = 10.0
MILLISECONDS = r"[\d,]+ ms"

pytestmark = pytest.mark.timeout(300)


@dataclass
class Running:
    """A `manage.py up`, with everything that it has said so far."""

    process: subprocess.Popen[str]
    state_dir: Path
    port: int
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def has_said(self, pattern: str) -> bool:
        return any(re.search(pattern, line) for line in self.lines)

    def wait_for(self, pattern: str, *, seconds: float = START_SECONDS) -> None:
        processes.wait_until(
            lambda: self.has_said(pattern) or self.process.poll() is not None, seconds=seconds
        )
        assert self.has_said(pattern), "\n".join(self.lines)

    def descendants(self) -> dict[int, str]:
        """Return what runs below us: process id and command."""
        found: dict[int, str] = {}
        rows = [line.split(None, 3) for line in process_list()]
        parents = {self.process.pid}
        while parents:
            level = {
                int(pid): command
                for pid, parent, state, command in rows
                if int(parent) in parents and not state.startswith("Z")
            }
            found |= level
            parents = set(level)
        return found

    def pid_of(self, part: str) -> int:
        [pid] = [pid for pid, command in self.descendants().items() if part in command]
        return pid


def process_list() -> list[str]:
    command = ["ps", "-ww", "-eo", "pid=,ppid=,stat=,args="]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def environment(state_dir: Path, *, port: int, flower_port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    return kept | {
        "COLUMNS": "160",  # whoever runs the tests may have a narrow terminal
        "DJANGO_SETTINGS_MODULE": "config.settings.local",
        "WILDRYDES_STATE_DIR": str(state_dir),
        "WILDRYDES_PORT": str(port),
        "WILDRYDES_FLOWER_PORT": str(flower_port),
        "WILDRYDES_SANDBOX_PORT": str(free_port()),
    }


def start(state_dir: Path, *, port: int, flower_port: int) -> Running:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=PROJECT_ROOT,
        env=environment(state_dir, port=port, flower_port=flower_port),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Running(process=process, state_dir=state_dir, port=port)

    def listen() -> None:
        assert process.stdout is not None
        with process.stdout as output:
            running.lines.extend(line.rstrip("\n") for line in output)

    threading.Thread(target=listen, daemon=True).start()
    return running


@contextlib.contextmanager
def platform(state_dir: Path) -> Iterator[Running]:
    running = start(state_dir, port=free_port(), flower_port=free_port())
    try:
        running.wait_for(f"^Wild Rydes is ready: {re.escape(running.url)}$")
        yield running
    finally:
        running.process.terminate()
        running.process.wait(timeout=STOP_SECONDS + 5)


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("up") / "state"
    yield directory
    clean.clean(layout.Layout.at(directory))


@pytest.fixture(scope="module")
def running(state_dir: Path) -> Iterator[Running]:
    with platform(state_dir) as it:
        yield it


def seed(running: Running) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "seed_demo", "--json"],
        cwd=PROJECT_ROOT,
        env=environment(running.state_dir, port=running.port, flower_port=1),
        capture_output=True,
        text=True,
        check=True,
    )


def demo(state_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=PROJECT_ROOT,
        env=environment(state_dir, port=free_port(), flower_port=free_port()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_web_and_flower_answer_when_it_says_ready(running: Running) -> None:
    assert httpx.get(f"{running.url}/readyz", trust_env=False).status_code == 200
    [flower] = [line for line in running.lines if "Flower" in line]
    address = re.search(r"http://127\.0\.0\.1:\d+", flower)
    assert address is not None
    assert httpx.get(address[0], trust_env=False).status_code == 401


def test_the_payment_sandbox_answers_when_it_says_ready(running: Running) -> None:
    [row] = [line for line in running.lines if "/sandbox/ledger" in line]
    page = re.search(r"http://\S+/sandbox/ledger", row)
    assert page is not None
    headers = {"Authorization": f"Bearer {(running.state_dir / 'sandbox-key').read_text()}"}
    books = httpx.get(page[0], headers=headers, trust_env=False)
    assert books.status_code == 200
    assert books.json()["movements"] == []
    assert httpx.get(page[0], trust_env=False).status_code == 401


def test_commands_find_the_running_servers_through_the_state_directory(running: Running) -> None:
    assert '"customer": "cmr"' in seed(running).stdout


def test_second_start_says_who_is_running_and_ends_with_an_error(running: Running) -> None:
    second = start(running.state_dir, port=free_port(), flower_port=free_port())
    assert second.process.wait(timeout=60) == 1
    second.wait_for(
        f"already running: {re.escape(running.url)}, process {running.process.pid}, "
        f"state directory {re.escape(str(running.state_dir))}"
    )
    assert running.process.poll() is None


@pytest.mark.parametrize(
    "victim",
    ["manage.py relay", "-n general1@", "manage.py payment_sandbox", "granian", "postgres -D"],
)
def test_killed_child_is_started_again_and_said(running: Running, victim: str) -> None:
    mark = len(running.lines)
    os.kill(min(pid for pid, text in running.descendants().items() if victim in text), 9)
    assert processes.wait_until(
        lambda: any("runs again as process" in line for line in running.lines[mark:]), seconds=30
    )
    assert any("was killed by SIGKILL" in line for line in running.lines[mark:])
    assert processes.wait_until(lambda: is_ready(running.url), seconds=30)


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_port_in_use_is_said_by_name_and_nothing_is_left_running(tmp_path: Path) -> None:
    state_dir = tmp_path / "state"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        flower_port = taken.getsockname()[1]
        refused = start(state_dir, port=free_port(), flower_port=flower_port)
        assert refused.process.wait(timeout=60) == 1
        refused.wait_for(f"WILDRYDES_FLOWER_PORT: port {flower_port} on 127.0.0.1")
    assert not mentioned(state_dir)
    assert not layout.Layout.at(state_dir).private_dir.exists()


def mentioned(state_dir: Path) -> list[str]:
    places = layout.Layout.at(state_dir)
    marks = (str(state_dir), str(places.private_dir))
    return [line for line in process_list() if any(mark in line for mark in marks)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a death")
def test_kill_of_the_supervisor_leaves_no_process_and_the_next_finds_the_data(
    tmp_path: Path,
) -> None:
    state_dir = tmp_path / "state"
    with platform(state_dir) as first:
        tokens = seed(first).stdout
        family = set(first.descendants())
        first.process.kill()
        first.process.wait()
        with platform(state_dir) as second:
            assert not family & alive()
            assert seed(second).stdout == tokens
            stop_and_look(second, signal.SIGINT)
    assert not mentioned(state_dir)
    clean.clean(layout.Layout.at(state_dir))


def test_the_demonstration_fails_and_says_why_when_nobody_wants_to_carry_the_customer(
    running: Running,
) -> None:
    token = json.loads(seed(running).stdout)["staff"][0]["token"]
    headers = {"Authorization": f"Token {token}"}
    with httpx.Client(base_url=running.url, headers=headers, trust_env=False) as operator:
        for fleet in FLEETS:
            answer = operator.patch(f"/api/v1/fleets/{fleet}", json={"is_active": False})
            assert answer.status_code == 200, answer.text

    shown = demo(running.state_dir)

    assert shown.returncode == 1
    assert re.search(rf"{MILLISECONDS}  closed with 0 quotes\n", shown.stdout)
    assert "nobody quoted" in shown.stderr


def test_stop_leaves_no_process(running: Running) -> None:
    stop_and_look(running, signal.SIGTERM)


def stop_and_look(running: Running, request_to_stop: signal.Signals) -> None:
    family = set(running.descendants())
    assert len(family) >= 7
    running.process.send_signal(request_to_stop)
    assert running.process.wait(timeout=STOP_SECONDS) == 0
    assert not family & alive()


def alive() -> set[int]:
    rows = [line.split(None, 3) for line in process_list()]
    return {int(pid) for pid, _, state, _ in rows if not state.startswith("Z")}
