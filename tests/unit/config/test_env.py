"""What follows from a variable that is set for one that is not."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import read_environment


@pytest.mark.parametrize(("port", "sandbox_port"), [("8000", 12111), ("61424", 65535)])
def test_the_sandbox_listens_above_the_platform(
    monkeypatch: pytest.MonkeyPatch, port: str, sandbox_port: int
) -> None:
    monkeypatch.setenv("WILDRYDES_PORT", port)
    assert read_environment().sandbox_port == sandbox_port


def test_where_there_is_no_port_above_it_listens_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDRYDES_PORT", "61425")
    assert read_environment().sandbox_port == 57314


def test_a_port_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDRYDES_PORT", "8000")
    monkeypatch.setenv("WILDRYDES_SANDBOX_PORT", "9999")
    assert read_environment().sandbox_port == 9999


@pytest.mark.parametrize(("text", "pinned"), [("", True), ("yes", True), ("no", False)])
def test_web_is_kept_on_one_processor_unless_it_is_said_not_to_be(
    monkeypatch: pytest.MonkeyPatch, text: str, pinned: bool
) -> None:
    monkeypatch.setenv("WILDRYDES_PIN_WEB", text)
    assert read_environment().pin_web is pinned


def test_what_is_neither_yes_nor_no_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDRYDES_PIN_WEB", "1")
    with pytest.raises(ImproperlyConfigured, match="WILDRYDES_PIN_WEB must be yes or no, not '1'"):
        read_environment()
