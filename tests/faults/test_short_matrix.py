"""The short form of the fault matrix: a few faults, each once, and both controls."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.env import PROJECT_ROOT

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path: Path = tmp_path_factory.mktemp("faults") / "faults.json"
    command = [sys.executable, "-m", "tests.faults", "--short", "--json", str(path)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    found: list[dict[str, Any]] = json.loads(path.read_text())
    return found


def test_no_fault_loses_doubles_or_disorders_anything(rows: list[dict[str, Any]]) -> None:
    faults = [row for row in rows if "control" not in row["fault"]]
    assert len(faults) >= 6
    for row in faults:
        assert (row["lost"], row["doubled"], row["disordered"]) == (0, 0, 0), row
        assert row["events"] > 0, row
        assert row["runs"] > 0, row


def test_the_usual_way_loses_and_a_forgetful_receiver_doubles(rows: list[dict[str, Any]]) -> None:
    controls = {row["fault"]: row for row in rows if "control" in row["fault"]}
    assert controls["negative control: the usual way"]["lost"] > 0
    assert controls["negative control: receipts off"]["doubled"] > 0
