"""Rates are one line, understood whole or refused with the entry named."""

from __future__ import annotations

import pytest

from wildrydes.errors import ConfigurationError
from wildrydes.front_door import rates
from wildrydes.front_door.rates import Rate

LINE = "customer.look=6000/60, customer.change=30/60,staff=9/1,rides=off"


def test_a_line_is_read_by_names() -> None:
    found = rates.parse(LINE)
    assert list(found) == ["customer.look", "customer.change", "staff", "rides"]
    assert found["customer.change"] == Rate(name="customer.change", most=30, seconds=60)
    assert found["rides"] is None


@pytest.mark.parametrize("text", ["", " ", "off"])
def test_no_rates_throttle_nobody(text: str) -> None:
    assert rates.parse(text) == {}


@pytest.mark.parametrize(
    "entry",
    ["customer", "customer=", "customer=60", "a=0/1", "a=1/0", "a=1/86401", "A=1/1", "a=-1/1"],
)
def test_what_cannot_be_understood_is_quoted(entry: str) -> None:
    with pytest.raises(ConfigurationError, match=entry):
        rates.parse(f"staff=1/1,{entry}")


def test_a_name_that_is_given_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        rates.parse("a=1/1,a=2/1")


@pytest.mark.parametrize(
    ("role", "group", "name"),
    [
        ("customer", "look", "customer.look"),
        ("staff", "look", "staff"),
        ("staff", "rides", None),
        ("unicorn", "rides", None),
        ("unicorn", "change", None),
    ],
)
def test_the_most_telling_name_holds(role: str, group: str, name: str | None) -> None:
    rate = rates.rate_for(rates.parse(LINE), role=role, group=group)
    assert (rate.name if rate else None) == name


def test_the_policy_is_written_as_its_header_has_it() -> None:
    assert Rate(name="staff", most=9, seconds=1).policy == '"staff";q=9;w=1'
