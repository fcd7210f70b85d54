"""The launcher: what every process of the platform starts from."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from config.embedded import processes

TELL = """
import signal
print(signal.getsignal(signal.SIGQUIT) == signal.SIG_DFL,
    signal.getsignal(signal.SIGINT) == signal.default_int_handler)
"""


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGINT])
def test_a_process_takes_the_signals_that_a_background_job_ignores(
    tmp_path: Path, number: signal.Signals
) -> None:
    told = tmp_path / "told"
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with told.open("wb") as output:
            child = processes.spawn([sys.executable, "-c", TELL], output=output, cwd=tmp_path)
            assert child.wait(timeout=30) == 0
    finally:
        signal.signal(number, before)
    assert told.read_text().split() == ["True", "True"]
