"""Staff see and set prices and behaviour; what makes no sense is refused by the field's name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from rest_framework.test import APIClient

from apps.unicorn_management.fleets import operations
from apps.unicorn_management.models import Fleet
from wildrydes.models import OperatorAction

from .conftest import FleetFactory

LIST = "/api/v1/fleets"
WINELANDS = f"{LIST}/winelands"


@pytest.fixture
def winelands(fleet: FleetFactory) -> Fleet:
    """Return the fleet `winelands`."""
    return fleet()


def fields_of(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [error["field"] for error in answer.json()["errors"]]


def test_staff_see_every_fleet(as_staff: APIClient, fleet: FleetFactory) -> None:
    fleet()
    fleet("cape-town", radius_km=80)

    answer = as_staff.get(LIST)

    assert answer.status_code == 200
    assert [item["slug"] for item in answer.json()["results"]] == ["cape-town", "winelands"]
    assert [item["radius_km"] for item in answer.json()["results"]] == [80, None]


def test_a_fleet_is_shown_with_money_as_strings(as_staff: APIClient, winelands: Fleet) -> None:
    assert as_staff.get(WINELANDS).json() == {
        "slug": "winelands",
        "name": "winelands",
        "is_active": True,
        "home": "Stellenbosch",
        "radius_km": None,
        "base": "3.00",
        "per_km": "1.00",
        "per_minute": "0.00",
        "peak_factor": 1,
        "night_factor": 1,
        "demand_factor": 0,
        "most_surge": 2,
        "quote_valid_seconds": 300,
        "answer_rate": 1,
        "fault_rate": 0,
        "delay_min_seconds": 0,
        "delay_median_seconds": 0,
        "delay_max_seconds": 0,
    }


def test_what_is_given_is_changed_and_the_rest_stays(as_staff: APIClient, winelands: Fleet) -> None:
    change = {"per_km": "1.25", "answer_rate": 0.5, "radius_km": 40.5, "is_active": False}

    answer = as_staff.patch(WINELANDS, change, format="json")

    assert answer.status_code == 200
    assert answer.json() == as_staff.get(WINELANDS).json()
    winelands.refresh_from_db()
    assert (winelands.per_km, winelands.answer_rate) == (Decimal("1.25"), 0.5)
    assert (winelands.radius_km, winelands.is_active) == (40.5, False)
    assert (winelands.base, winelands.name) == (Decimal("3.00"), "winelands")


def test_who_changed_what_is_on_record(as_staff: APIClient, winelands: Fleet) -> None:
    as_staff.patch(WINELANDS, {"per_km": 1.5, "base": "3.00", "answer_rate": 0}, format="json")

    action = OperatorAction.objects.get()
    assert (action.by, action.action) == ("staff", "change_fleet")
    assert action.detail == {
        "fleet": "winelands",
        "from": {"per_km": "1.00", "answer_rate": 1.0},
        "to": {"per_km": "1.50", "answer_rate": 0.0},
    }


@pytest.mark.parametrize("body", [{}, {"base": "3.00"}], ids=str)
def test_a_change_that_changes_nothing_is_not_on_record(
    body: dict[str, Any], as_staff: APIClient, winelands: Fleet
) -> None:
    assert as_staff.patch(WINELANDS, body, format="json").status_code == 200
    assert not OperatorAction.objects.exists()


BAD: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", "x" * 201),
    ("is_active", "true"),
    ("is_active", 1),
    ("is_active", None),
    ("home", "Atlantis"),
    ("home", 7),
    ("radius_km", -1),
    ("radius_km", 30_000),
    ("radius_km", "40"),
    ("base", "-1.00"),
    ("base", "1.005"),
    ("base", "cheap"),
    ("base", None),
    ("base", 10_001),
    ("per_km", 1_001),
    ("per_minute", float("inf")),
    ("peak_factor", 0),
    ("peak_factor", 11),
    ("night_factor", True),
    ("demand_factor", -0.1),
    ("most_surge", 0.9),
    ("quote_valid_seconds", 0),
    ("quote_valid_seconds", 100_000),
    ("answer_rate", 1.01),
    ("answer_rate", -0.01),
    ("fault_rate", 2),
    ("delay_min_seconds", 1),
    ("delay_median_seconds", 1),
    ("delay_max_seconds", 301),
    ("slug", "other"),
    ("currency", "EUR"),
]


@pytest.mark.parametrize(("field", "value"), BAD, ids=lambda value: str(value)[:12])
def test_what_makes_no_sense_is_refused_by_name(
    field: str, value: Any, as_staff: APIClient, winelands: Fleet
) -> None:
    before = as_staff.get(WINELANDS).json()
    raw = f'{{"{field}": 1e400}}' if value == float("inf") else None

    if raw:
        answer = as_staff.patch(WINELANDS, raw.encode(), content_type="application/json")
    else:
        answer = as_staff.patch(WINELANDS, {field: value}, format="json")

    named = {
        "delay_min_seconds": "delay_median_seconds",
        "delay_median_seconds": "delay_max_seconds",
    }
    assert fields_of(answer) == [named.get(field, field)]
    assert as_staff.get(WINELANDS).json() == before
    assert not OperatorAction.objects.exists()


def test_several_bad_fields_are_all_named(as_staff: APIClient, winelands: Fleet) -> None:
    answer = as_staff.patch(WINELANDS, {"base": "x", "tip": 1, "answer_rate": "y"}, format="json")

    assert sorted(fields_of(answer)) == ["answer_rate", "base", "tip"]


def test_a_fleet_that_is_not_there_is_404(as_staff: APIClient, db: None) -> None:
    assert as_staff.get(f"{LIST}/atlantis").status_code == 404
    assert as_staff.patch(f"{LIST}/atlantis", {}, format="json").status_code == 404


@pytest.mark.parametrize("path", [LIST, WINELANDS])
def test_only_staff_may_look(
    path: str, as_customer: APIClient, as_winelands: APIClient, winelands: Fleet
) -> None:
    assert as_customer.get(path).status_code == 403
    assert as_winelands.get(path).status_code == 403
    assert APIClient().get(path).status_code == 401
    assert as_winelands.patch(WINELANDS, {"base": "1"}, format="json").status_code == 403


@pytest.mark.parametrize(
    "values",
    [
        {"base": Decimal("-0.01")},
        {"answer_rate": 1.1},
        {"fault_rate": -0.1},
        {"delay_min_seconds": 2, "delay_median_seconds": 1, "delay_max_seconds": 3},
        {"delay_median_seconds": 2, "delay_max_seconds": 1},
    ],
    ids=str,
)
def test_the_database_refuses_it_too(values: dict[str, Any], winelands: Fleet) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Fleet.objects.update(**values)


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_that_do_not_go_together_do_not_both_happen(
    fleet: FleetFactory,
) -> None:
    """Given that one makes the median longer and the other the longest delay shorter."""
    fleet(delay_median_seconds=1, delay_max_seconds=3)
    start = threading.Barrier(2)
    refused: list[str] = []

    def change(**changes: Any) -> None:
        start.wait()
        try:
            operations.change_fleet(slug="winelands", changes=changes, by="a person")
        except ValidationError as error:
            refused.extend(error.message_dict)
        finally:
            connection.close()

    tasks: list[Callable[[], None]] = [
        lambda: change(delay_median_seconds=2.5),
        lambda: change(delay_max_seconds=2),
    ]
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert refused == ["delay_max_seconds"]
    found = Fleet.objects.get()
    assert (found.delay_median_seconds, found.delay_max_seconds) in ((2.5, 3), (1, 2))
    assert OperatorAction.objects.count() == 1
