"""The supervisor, with small programs in the place of the real ones."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from config.embedded import layout, processes
from config.env import ENV
from config.supervisor import backoff, errors, ports, presence, programs, services, supervision
from tests.ports import free_port

SLEEP = "import signal; signal.pause()"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
TIED = (
    "import os, subprocess, sys, time; time.sleep(0.5);"
    "subprocess.run([sys.executable, '-c', 'import os; print(list(os.sched_getaffinity(0)))'])"
)
FAMILY = "import subprocess, sys; subprocess.Popen(['sleep', '60']); print(1, flush=True)"


def child(tmp_path: Path, program: str, *, name: str = "child") -> services.ChildProcess:
    return services.ChildProcess(
        name=name,
        command=(sys.executable, "-c", f"{program}\n{SLEEP}"),
        cwd=tmp_path,
        log_file=tmp_path / f"{name}.log",
    )


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[supervision.Supervisor]:
    stage = supervision.Stage(names=frozenset({"child", "deaf", "family"}), seconds=0.5)
    watcher = supervision.Supervisor(stages=(stage,), say=said.append)
    yield watcher
    watcher.stop()


def has_written(service: services.ChildProcess) -> bool:
    return service.log_file.exists() and service.log_file.stat().st_size > 0


def wrote(service: services.ChildProcess, text: str) -> bool:
    return service.log_file.read_text() == text


def watch_until(supervisor: supervision.Supervisor, condition: Callable[[], bool]) -> None:
    """Run the supervisor here, as it must, and end it by SIGTERM once the condition holds."""

    def ask_for_the_end() -> None:
        processes.wait_until(condition, seconds=10)
        os.kill(os.getpid(), signal.SIGTERM)

    asker = threading.Thread(target=ask_for_the_end)
    with supervision.stopped_by_signals():
        asker.start()
        with pytest.raises(supervision.StopRequested):
            supervisor.watch()
    asker.join()
    assert condition()


def test_child_that_dies_is_started_again_and_said(
    supervisor: supervision.Supervisor, said: list[str], tmp_path: Path
) -> None:
    mortal = child(tmp_path, "")
    supervisor.start(mortal)
    first = mortal.pid
    os.kill(first, signal.SIGKILL)
    watch_until(supervisor, lambda: len(said) >= 2 and mortal.is_running)
    assert mortal.pid != first
    assert said[0].startswith("child was killed by SIGKILL")
    assert said[1] == f"child runs again as process {mortal.pid}."


def test_a_child_stays_on_its_processor_with_its_family_and_when_it_is_started_again(
    supervisor: supervision.Supervisor, tmp_path: Path
) -> None:
    processor = max(os.sched_getaffinity(0))
    tied = dataclasses.replace(child(tmp_path, TIED), processor=processor)
    for expected in (f"[{processor}]\n", f"[{processor}]\n" * 2):
        supervisor.start(tied)
        processes.wait_until(partial(wrote, tied, expected), seconds=10)
        assert os.sched_getaffinity(tied.pid) == {processor}
        tied.stop(seconds=0)


def test_only_web_is_kept_on_one_processor_and_only_if_that_is_wanted() -> None:
    tied = dataclasses.replace(ENV, pin_web=True)
    allowed = sorted(os.sched_getaffinity(0))
    found = {
        programs.web(dataclasses.replace(tied, port=port)).processor
        for port in range(8000, 8000 + len(allowed))
    }
    assert found == set(allowed)
    assert programs.web(dataclasses.replace(ENV, pin_web=False)).processor is None
    assert programs.relay(tied).processor is None


def test_child_that_keeps_dying_is_started_ever_later(
    supervisor: supervision.Supervisor, said: list[str], tmp_path: Path
) -> None:
    supervisor.start(child(tmp_path, "raise SystemExit(3)"))
    watch_until(supervisor, lambda: sum("ended with status 3" in line for line in said) >= 3)
    ends = [line for line in said if "ended" in line]
    assert ends[0].endswith("starting it again.")
    assert ends[1].endswith("starting it again in 0.5 s.")
    assert ends[2].endswith("starting it again in 1 s.")


def test_child_that_is_deaf_to_sigterm_is_killed_in_time(
    supervisor: supervision.Supervisor, tmp_path: Path
) -> None:
    deaf = child(tmp_path, DEAF, name="deaf")
    supervisor.start(deaf)
    assert processes.wait_until(lambda: has_written(deaf), seconds=10)
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 2
    assert deaf.exit_code == -signal.SIGKILL


def test_nothing_of_a_childs_group_is_left(
    supervisor: supervision.Supervisor, tmp_path: Path
) -> None:
    family = child(tmp_path, FAMILY, name="family")
    supervisor.start(family)
    assert processes.wait_until(lambda: has_written(family), seconds=10)
    supervisor.stop()
    assert processes.wait_until(lambda: not members_of(family.pid), seconds=5)


def members_of(group: int) -> list[str]:
    listing = subprocess.run(["ps", "-eo", "pgid=,stat="], capture_output=True, text=True)
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [state for pgid, state in rows if int(pgid) == group and not state.startswith("Z")]


def test_row_of_failures_is_over_once_a_child_has_lived() -> None:
    assert backoff.count_failure(5, lived_seconds=31) == 1
    assert backoff.count_failure(5, lived_seconds=29) == 6
    assert backoff.next_delay(1) == 0
    assert backoff.next_delay(1000) == 10


def test_port_in_use_is_said_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = ports.Port("WILDRYDES_PORT", "127.0.0.1", taken.getsockname()[1])
        with pytest.raises(errors.PlatformError, match=f"WILDRYDES_PORT: port {port.number}"):
            ports.require_free(port, patience_seconds=0)
    ports.require_free(port, patience_seconds=0)


def test_one_port_for_two_purposes_is_refused() -> None:
    web = ports.Port("WILDRYDES_PORT", "127.0.0.1", free_port())
    flower = ports.Port("WILDRYDES_FLOWER_PORT", "127.0.0.1", web.number)
    with pytest.raises(errors.PlatformError, match="WILDRYDES_PORT and WILDRYDES_FLOWER_PORT"):
        ports.require_free(web, flower, patience_seconds=0)


def test_second_platform_hears_who_the_first_is(tmp_path: Path) -> None:
    places = layout.Layout.at(tmp_path)
    with presence.claimed(places, url="http://127.0.0.1:8000") as after_crash:
        assert not after_crash
        found = presence.find(places)
        assert found is not None
        assert (found.pid, found.url) == (os.getpid(), "http://127.0.0.1:8000")
        with (
            pytest.raises(errors.PlatformError, match=f"process {os.getpid()}, state directory"),
            presence.claimed(places, url="http://127.0.0.1:8001"),
        ):
            pass
    assert presence.find(places) is None
    with presence.claimed(places, url="http://127.0.0.1:8000") as after_crash:
        assert not after_crash
