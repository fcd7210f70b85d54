"""Everyone sees the rides that are theirs to see, and of others not even that they exist."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from rest_framework.test import APIClient

from apps.identity.models import User
from apps.unicorn_management.models import RideCompletion
from wildrydes.models import Receipt, new_id

URL = "/api/v1/ride-completions"

Ride = dict[str, Any]


@pytest.fixture
def submitted(as_unicorn: APIClient, ride: Ride) -> str:
    """Return the address of a ride of customer `cmr` that fleet `north` submitted."""
    return str(as_unicorn.post(URL, ride, format="json")["Location"])


def another(**caller: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(username="another", **caller))
    return client


def test_a_ride_is_shown_with_what_became_of_its_event(
    as_unicorn: APIClient, submitted: str, ride: Ride
) -> None:
    content = as_unicorn.get(submitted).json()

    deliveries = {item["subscription"]: item for item in content.pop("deliveries")}
    assert content == {**ride, "id": submitted.rpartition("/")[2], "fare": "256.50"}
    assert set(deliveries) == {
        "customer_accounting.record_fare",
        "customer_loyalty.award_points",
        "customer_notification.notify_customer",
        "datalake_ingestion.collect_events",
        "extraordinary_rides.record_extraordinary_ride",
        "fare_collection.collect",
    }
    assert deliveries["customer_accounting.record_fare"] == {
        "subscription": "customer_accounting.record_fare",
        "status": "pending",
        "attempts": 0,
        "done_at": None,
    }


def test_a_delivery_that_is_done_says_when(as_unicorn: APIClient, submitted: str) -> None:
    row = RideCompletion.objects.get()
    receipt = Receipt.objects.create(
        subscription="customer_accounting.record_fare",
        message_id=row.message_id,
        message_type="v1.ride.completed",
        done_at=row.submitted_at,
    )
    deliveries = as_unicorn.get(submitted).json()["deliveries"]

    (done,) = (item for item in deliveries if item["subscription"] == receipt.subscription)
    assert (done["status"], done["attempts"]) == ("done", 1)
    assert done["done_at"].endswith("Z")


def test_the_filter_decides_who_is_listed(as_unicorn: APIClient, ride: Ride) -> None:
    where = as_unicorn.post(URL, {**ride, "fare": 49.99}, format="json")["Location"]
    names = {item["subscription"] for item in as_unicorn.get(where).json()["deliveries"]}

    assert len(names) == 5
    assert "extraordinary_rides.record_extraordinary_ride" not in names


def test_the_customer_and_staff_see_the_ride(
    as_customer: APIClient, as_staff: APIClient, submitted: str
) -> None:
    assert as_customer.get(submitted).status_code == 200
    assert as_staff.get(submitted).status_code == 200


@pytest.mark.parametrize(
    "caller",
    [{"role": "customer", "customer": "thandi"}, {"role": "unicorn", "fleet": "south"}],
    ids=str,
)
def test_others_do_not_learn_that_it_exists(submitted: str, caller: dict[str, str]) -> None:
    client = another(**caller)
    answer = client.get(submitted)

    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
    assert answer.json() == client.get(f"{URL}/{new_id()}").json()
    assert client.get(URL).json() == {"results": [], "next": None}


def test_a_unicorn_does_not_see_what_staff_submitted(as_staff: APIClient, ride: Ride) -> None:
    where = as_staff.post(URL, ride, format="json")["Location"]

    assert another(role="unicorn", fleet="south").get(where).status_code == 404


@pytest.mark.parametrize("id", ["7", "x", "00000000-0000-0000-0000-00000000000g", "a%00b", "%ff"])
def test_an_id_that_is_none_is_not_found_or_refused(as_staff: APIClient, id: str) -> None:
    assert as_staff.get(f"{URL}/{id}").status_code == (400 if "%00" in id else 404)


@pytest.mark.django_db
@pytest.mark.parametrize("path", [URL, f"{URL}/00000000-0000-7000-8000-000000000000"])
def test_the_unknown_see_nothing(path: str) -> None:
    assert APIClient().get(path).status_code == 401


def test_a_list_is_newest_first_and_paged(as_unicorn: APIClient, ride: Ride) -> None:
    for number in range(5):
        as_unicorn.post(URL, {**ride, "duration": number}, format="json")

    pages, where = [], f"{URL}?limit=2"
    while where:
        content = as_unicorn.get(where).json()
        pages.append([row["duration"] for row in content["results"]])
        where = content["next"]

    assert pages == [[4, 3], [2, 1], [0]]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "before=7", "before="])
def test_a_page_that_is_none_is_refused_by_name(as_unicorn: APIClient, query: str) -> None:
    answer = as_unicorn.get(f"{URL}?{query}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("caller", ["customer", "fleet"])
def test_a_list_is_read_from_an_index(db: None, caller: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT * FROM unicorn_management_ridecompletion "
            f"WHERE {caller} = 'x' ORDER BY id DESC LIMIT 50"
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert f"unicorn_management_by_{caller}" in plan
    assert "Sort" not in plan
