"""Operators see fleets and unicorns, and change prices and behaviour, on record."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.identity.models import User
from apps.unicorn_management.models import Fleet
from wildrydes.models import OperatorAction

from .conftest import FleetFactory, UnicornFactory

FLEETS = "/admin/unicorn_management/fleet/"
UNICORNS = "/admin/unicorn_management/unicorn/"
PAGE = f"{FLEETS}winelands/change/"


@pytest.fixture
def operator(db: None) -> Client:
    """Return the browser of an operator."""
    client = Client()
    client.force_login(User.objects.create_superuser(username="operator"))
    return client


@pytest.fixture(autouse=True)
def winelands(fleet: FleetFactory, unicorn: UnicornFactory) -> None:
    """Let there be the fleet `winelands` with two unicorns, one of them online."""
    fleet()
    unicorn()
    unicorn("pinotage", is_online=False)


def form(operator: Client, **changes: Any) -> dict[str, Any]:
    """Return the fleet's form as the page fills it in, with these changes."""
    initial = operator.get(PAGE).context["adminform"].form.initial
    values = {name: value for name, value in initial.items() if value is not None}
    return {**values, "is_active": "on", **changes}


def test_the_list_shows_prices_and_how_many_are_online(operator: Client) -> None:
    page = operator.get(FLEETS)

    assert page.status_code == 200
    assert "3.00, 1.00, 0.00" in page.content.decode()
    assert [row.unicorns_online for row in page.context["cl"].queryset] == [1]


def test_an_operator_changes_behaviour_and_it_is_on_record(operator: Client) -> None:
    answer = operator.post(PAGE, form(operator, answer_rate="0.25", per_km="1.10"))

    assert answer.status_code == 302
    fleet = Fleet.objects.get()
    assert (fleet.answer_rate, fleet.per_km) == (0.25, Decimal("1.10"))
    action = OperatorAction.objects.get()
    assert (action.by, action.action) == ("operator", "change_fleet")
    assert action.detail["from"] == {"answer_rate": 1.0, "per_km": "1.00"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("answer_rate", "1.5"),
        ("delay_max_seconds", "-1"),
        ("base", "-1"),
        ("home", "Atlantis"),
        ("most_surge", "0"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(
    field: str, value: str, operator: Client
) -> None:
    answer = operator.post(PAGE, form(operator, **{field: value}))

    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not OperatorAction.objects.exists()


def test_fleets_come_from_the_topology_and_do_not_go(operator: Client) -> None:
    assert operator.get(f"{FLEETS}add/").status_code == 403
    assert operator.post(f"{FLEETS}winelands/delete/", {"post": "yes"}).status_code == 403


def test_unicorns_are_looked_at(operator: Client) -> None:
    def found(**query: str) -> int:
        count: int = operator.get(UNICORNS, query).context["cl"].result_count
        return count

    assert found() == 2
    assert [found(q=term) for term in ("shadowfax", "shadow")] == [1, 0]
    assert [found(is_online__exact=flag) for flag in ("0", "1")] == [1, 1]
    assert operator.get(f"{UNICORNS}shadowfax/change/").status_code == 200
    assert operator.post(f"{UNICORNS}shadowfax/change/", {}).status_code == 403
