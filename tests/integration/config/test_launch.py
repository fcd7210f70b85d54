"""The launcher: what every process of the platform starts from."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from config.embedded import processes

TELL = "import signal; print(*(signal.getsignal(n).name for n in (signal.SIGQUIT, signal.SIGTERM)))"


@pytest.mark.parametrize("ours", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_process_takes_the_signals_that_a_background_job_ignores(
    tmp_path: Path, ours: signal.Handlers
) -> None:
    told = tmp_path / "told"
    before = signal.signal(signal.SIGQUIT, ours)
    try:
        with told.open("wb") as output:
            child = processes.spawn([sys.executable, "-c", TELL], output=output, cwd=tmp_path)
            assert child.wait(timeout=30) == 0
    finally:
        signal.signal(signal.SIGQUIT, before)
    assert told.read_text().split() == ["SIG_DFL", "SIG_DFL"]
