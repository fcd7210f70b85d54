"""Operators look after accounts."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.identity.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Client:
    """Return the browser of an operator."""
    client = Client()
    client.force_login(User.objects.create_superuser(username="operator"))
    return client


def test_accounts_are_listed_found_and_shown(operator: Client) -> None:
    rarity = User.objects.create(username="rarity", role="unicorn", fleet="cape-town")

    assert operator.get("/admin/identity/user/", {"q": "rarity"}).status_code == 200
    assert operator.get(f"/admin/identity/user/{rarity.pk}/change/").status_code == 200
    assert operator.get("/admin/identity/user/add/").status_code == 200


def test_an_account_is_added_with_its_role(operator: Client) -> None:
    answer = operator.post(
        "/admin/identity/user/add/",
        {
            "username": "shadowfax",
            "usable_password": "true",
            "password1": "correct horse battery",
            "password2": "correct horse battery",
            "role": "unicorn",
            "fleet": "winelands",
        },
    )

    assert answer.status_code == 302, answer.context["adminform"].errors
    assert User.objects.get(username="shadowfax").fleet == "winelands"


def test_a_role_that_is_not_complete_is_an_error_of_the_form(operator: Client) -> None:
    rarity = User.objects.create(username="rarity", role="unicorn", fleet="cape-town")
    answer = operator.post(
        f"/admin/identity/user/{rarity.pk}/change/",
        {
            "username": "rarity",
            "role": "unicorn",
            "fleet": "",
            "date_joined_0": "2026-01-01",
            "date_joined_1": "12:00:00",
        },
    )

    assert answer.status_code == 200
    assert "a unicorn a fleet" in answer.content.decode()
