"""The fleets are there, as they began or as operators made them."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django import Settings

from apps.identity.models import User
from apps.unicorn_management.fleets import seeds
from apps.unicorn_management.messages import FLEETS
from apps.unicorn_management.models import Fleet, Unicorn


def test_every_fleet_of_the_topology_begins_with_a_seed() -> None:
    assert [seed.slug for seed in seeds.SEEDS] == list(FLEETS)


@pytest.mark.django_db
def test_the_demo_begins_with_ten_fleets_of_three_unicorns_online() -> None:
    call_command("seed_demo", "--json")
    call_command("seed_fleets")

    assert set(Fleet.objects.values_list("slug", flat=True)) == set(FLEETS)
    for fleet in Fleet.objects.all():
        fleet.full_clean()
        assert fleet.unicorns.filter(is_online=True, latitude__isnull=False).count() == 3
    assert Fleet.objects.values("base", "per_km", "per_minute").distinct().count() == 10


@pytest.mark.django_db
def test_some_answer_soon_some_slowly_two_often_not_and_two_by_hand() -> None:
    call_command("seed_fleets")

    fleets = list(Fleet.objects.all())
    assert sum(fleet.answer_rate == 1 and fleet.delay_max_seconds <= 0.3 for fleet in fleets) == 4
    assert sum(fleet.delay_median_seconds >= 0.5 for fleet in fleets) >= 2
    assert sum(0 < fleet.answer_rate < 0.5 for fleet in fleets) == 2
    assert {fleet.slug for fleet in fleets if fleet.answer_rate == 0} == {"cape-town", "winelands"}
    assert all(fleet.fault_rate == 0 for fleet in fleets)


@pytest.mark.django_db
def test_the_demo_accounts_are_the_unicorns_of_their_name() -> None:
    call_command("seed_demo", "--json")
    call_command("seed_fleets")

    users = dict(Unicorn.objects.exclude(user_id=None).values_list("id", "user_id"))
    accounts = User.objects.filter(username__in=("rarity", "shadowfax"))
    assert users == dict(accounts.values_list("username", "id"))


@pytest.mark.django_db
def test_what_operators_and_unicorns_did_stays() -> None:
    call_command("seed_fleets")
    Fleet.objects.filter(slug="winelands").update(per_km=Decimal("9.99"), is_active=False)
    Unicorn.objects.filter(id="rarity").update(is_online=False, place="Paarl")
    before = list(Fleet.objects.values()), list(Unicorn.objects.order_by("id").values())

    call_command("seed_fleets")

    after = list(Fleet.objects.values()), list(Unicorn.objects.order_by("id").values())
    assert after == before


@pytest.mark.django_db
def test_outside_the_demo_fleets_rehearse_nothing_and_unicorns_come_by_themselves(
    settings: Settings,
) -> None:
    settings.DEMO_ACCOUNTS = False

    call_command("seed_fleets")

    assert not Unicorn.objects.exists()
    assert Fleet.objects.count() == len(FLEETS)
    assert set(Fleet.objects.values_list("answer_rate", "delay_max_seconds")) == {(1, 0)}


@pytest.mark.django_db(transaction=True)
def test_two_may_seed_at_once() -> None:
    call_command("seed_demo", "--json")
    errors: list[Exception] = []

    def seed() -> None:
        try:
            call_command("seed_fleets")
        except Exception as error:  # noqa: BLE001 - the test reports it
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=seed) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert errors == []
    assert (Fleet.objects.count(), Unicorn.objects.count()) == (10, 30)
    assert Unicorn.objects.exclude(user_id=None).count() == 2
