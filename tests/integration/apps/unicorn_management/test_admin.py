"""Operators find a ride and see what became of it, however many there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.identity.models import User
from apps.unicorn_management.models import RideCompletion
from wildrydes import admin_lists

URL = "/api/v1/ride-completions"
LIST = "/admin/unicorn_management/ridecompletion/"


@pytest.fixture
def operator(db: None) -> Client:
    """Return the browser of an operator."""
    client = Client()
    client.force_login(User.objects.create_superuser(username="operator"))
    return client


@pytest.fixture
def row(as_unicorn: APIClient, ride: dict[str, Any]) -> RideCompletion:
    """Return a submitted ride."""
    as_unicorn.post(URL, {**ride, "ride": "r-1"}, format="json")
    return RideCompletion.objects.get()


def test_a_ride_is_shown_with_the_timeline_of_its_event(
    operator: Client, row: RideCompletion
) -> None:
    page = operator.get(f"{LIST}{row.id}/change/")

    assert page.status_code == 200
    assert "published" in page.content.decode()
    assert "v1.ride.completed" in page.content.decode()


def test_a_ride_is_found_by_whole_values(operator: Client, row: RideCompletion) -> None:
    def found(**query: str) -> int:
        count: int = operator.get(LIST, query).context["cl"].result_count
        return count

    terms = ["cmr", "r-1", str(row.id), "cm", "CMR"]
    assert [found(q=term) for term in terms] == [1, 1, 1, 0, 0]
    assert [found(fleet=fleet) for fleet in ("north", "south")] == [1, 0]
    day = row.submitted_at.date().isoformat()
    assert found(submitted_at_from=day, submitted_at_to=day) == 1
    assert found(submitted_at_from="2001-01-01", submitted_at_to="2001-01-02") == 0
    assert found(submitted_at_from="no date", submitted_at_to="\u0665") == 1


def test_nothing_can_be_changed(operator: Client, row: RideCompletion) -> None:
    assert operator.get(f"{LIST}add/").status_code == 403
    assert operator.post(f"{LIST}{row.id}/change/", {"fare": "1"}).status_code == 403
    assert operator.post(f"{LIST}{row.id}/delete/", {"post": "yes"}).status_code == 403


def test_people_without_a_right_to_it_are_sent_to_the_login(db: None) -> None:
    answer = Client().get(LIST)

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"{reverse('admin:login')}?next={LIST}",
    )


def test_a_large_list_is_not_counted(
    operator: Client, row: RideCompletion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a list that is longer than what is counted."""
    monkeypatch.setattr(admin_lists, "EXACT_UP_TO", 1)
    monkeypatch.setattr(admin_lists.FastCountPaginator, "_estimate", lambda self, rows: 1_000_000)

    assert operator.get(LIST).context["cl"].result_count == 1_000_000
    assert operator.get(LIST, {"fleet": "north"}).context["cl"].result_count == 1


def test_the_estimate_is_what_postgres_knows(row: RideCompletion) -> None:
    rows = RideCompletion.objects.order_by("id")

    assert admin_lists.FastCountPaginator(rows, 50)._estimate(rows) <= 1
