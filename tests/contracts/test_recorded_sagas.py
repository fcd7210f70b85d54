"""Sagas that once happened would happen again: histories replayed with today's definitions.

A running saga keeps the version of its definition. Whoever changes a definition in place, where
sagas may be under way, finds here what would be done differently; what has to be different is a
new version, beside the old one. A history is recorded with `manage.py sagas record`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.wildrydes.saga.selling import SELL
from wildrydes import saga
from wildrydes.saga.recorded import History, differences

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*.json"))
OF_TESTS = {(SELL.name, SELL.version): SELL}


def known() -> dict[tuple[str, int], saga.Definition]:
    """Return every definition of the installed services, and that of the kernel's tests."""
    return {(item.name, item.version): item for item in saga.definitions()} | OF_TESTS


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
def test_what_happened_would_happen_again(path: Path) -> None:
    history = History.from_data(json.loads(path.read_text()))
    definition = known().get((history.definition, history.version))
    assert definition is not None, f"{history.definition} {history.version} is not defined any more"
    assert differences(history, definition) == []


def test_every_version_of_every_definition_has_a_history() -> None:
    files = [json.loads(path.read_text()) for path in HISTORIES]
    recorded = {(data["definition"], data["version"]) for data in files}
    missing = known().keys() - recorded
    assert not missing, "`manage.py sagas record KEY --output tests/contracts/histories/…` one each"
