"""Operators can look at everything that the services keep, and change none of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from apps.customer_accounting.subscriptions import record_fare
from apps.customer_loyalty.subscriptions import award_points
from apps.customer_notification.subscriptions import notify_customer, record_contact
from apps.datalake_ingestion.models import Archive
from apps.datalake_ingestion.subscriptions import collect_events
from apps.extraordinary_rides.subscriptions import record_extraordinary_ride
from apps.identity.models import User
from wildrydes.admin_lists import ReadOnlyAdmin
from wildrydes.envelope import Envelope

Make = Callable[..., Envelope]

SERVICES = (
    "customer_accounting",
    "customer_loyalty",
    "customer_notification",
    "datalake_ingestion",
    "extraordinary_rides",
)
MODELS = [
    model
    for service in SERVICES
    for model in apps.get_app_config(service).get_models()
    if isinstance(admin.site._registry.get(model), ReadOnlyAdmin)
]


@pytest.fixture
def operator(db: None) -> Client:
    """Return the browser of an operator who may do everything that the admin offers."""
    client = Client()
    client.force_login(User.objects.create_superuser(username="operator"))
    return client


@pytest.fixture
def a_ride(db: None, ride_completed: Make, customer_registered: Make) -> None:
    """Let every service handle one ride."""
    ride = ride_completed()
    Archive.objects.create(day=ride.time.date(), rows=0, message_ids=[], planned_at=ride.time)
    record_contact([customer_registered()])
    handlers: tuple[Any, ...] = (
        record_fare,
        award_points,
        notify_customer,
        collect_events,
        record_extraordinary_ride,
    )
    for handle in handlers:
        handle([ride])


def page(model: type[Model], name: str, *arguments: object) -> str:
    return reverse(f"admin:{model._meta.label_lower.replace('.', '_')}_{name}", args=arguments)


@pytest.mark.usefixtures("a_ride")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_list_and_its_rows_can_be_looked_at(model: type[Model], operator: Client) -> None:
    row = model._default_manager.get()

    assert operator.get(page(model, "changelist")).status_code == 200
    assert operator.get(page(model, "changelist"), {"q": "cmr"}).status_code == 200
    assert operator.get(page(model, "change", row.pk)).status_code == 200


@pytest.mark.usefixtures("a_ride")
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_nothing_can_be_added_changed_or_deleted(model: type[Model], operator: Client) -> None:
    key = model._default_manager.get().pk

    assert operator.get(page(model, "add")).status_code == 403
    assert operator.post(page(model, "change", key), {}).status_code == 403
    assert operator.post(page(model, "delete", key), {"post": "yes"}).status_code == 403


@pytest.mark.usefixtures("a_ride")
def test_a_search_finds_whole_values_only(operator: Client) -> None:
    model = apps.get_model("customer_accounting", "JournalEntry")
    ride = model._default_manager.get().ride_completion

    def found(term: str) -> int:
        count: int = operator.get(page(model, "changelist"), {"q": term}).context["cl"].result_count
        return count

    assert [found(term) for term in ("cmr", str(ride), "CMR", "cm", "")] == [1, 1, 0, 0, 1]
