"""A definition that could not be carried out, or not undone, is refused when it is made known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.wildrydes.saga.sagas import command, of, step
from wildrydes.errors import ConfigurationError
from wildrydes.saga import definition
from wildrydes.saga.definition import Definition, Parallel, Step, define


@pytest.fixture(autouse=True)
def nothing_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definition, "_definitions", {})


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (of(), "no steps"),
        (of(Parallel()), "empty group"),
        (of(step("one"), step("one")), "'one'"),
        (of(step("one", pivot=True), step("two", pivot=True)), "more than one pivot"),
        (of(Parallel(step("one", pivot=True), step("two"))), "stand alone"),
        (of(Step("one", command)), "'one' has neither"),
        (of(Step("one", command, command, "no need")), "'one' has a compensation, and"),
        (of(step("a/b")), "without a slash"),
        (of(step("one", timeout=timedelta(0))), "'one' needs a timeout"),
        (of(step("one", attempts=0)), "'one' needs one attempt"),
        (of(step("one"), timeout=timedelta(0)), "timeout"),
        (of(step("one"), version=0), "version"),
    ],
)
def test_what_could_not_be_carried_out_is_refused(wrong: Definition, text: str) -> None:
    with pytest.raises(ConfigurationError, match=text) as refused:
        define(wrong)
    assert "saga 'test'" in str(refused.value)


def test_the_highest_version_is_the_one_that_is_started() -> None:
    first, second = define(of(step("one"))), define(of(step("one"), version=2))
    assert definition.defined("test") is second
    assert definition.defined("test", 1) is first
    assert definition.find("test", 3) is None
    with pytest.raises(ConfigurationError, match="twice"):
        define(of(step("one"), version=2))
    with pytest.raises(ConfigurationError, match="'other'"):
        definition.defined("other")
