"""Whoever is registered has a role and what belongs to it."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from apps.identity import operations
from apps.identity.messages import CustomerRegistered
from apps.identity.models import User
from apps.identity.operations import AlreadyRegisteredError
from wildrydes.models import Message

pytestmark = pytest.mark.django_db


def register(*, username: str = "cmr", customer: str = "cmr", email: str = "") -> User:
    return operations.register_customer(
        username=username, password="secret", customer=customer, email=email, name="Camille"
    )


def test_a_customer_who_can_be_written_to_is_announced() -> None:
    user = register(email="cmr@wildrydes.example")

    assert (user.role, user.customer, user.email) == ("customer", "cmr", "cmr@wildrydes.example")
    assert user.check_password("secret")
    message = Message.objects.get()
    assert (message.type, message.subject, message.group_id) == (
        "v1.customer.registered",
        "cmr",
        "cmr",
    )
    event = CustomerRegistered.from_data(message.data)
    assert event == CustomerRegistered(
        customer="cmr", email="cmr@wildrydes.example", name="Camille"
    )


def test_a_customer_without_an_address_is_not_announced() -> None:
    register()

    assert User.objects.count() == 1
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "twin", [{"username": "cmr", "customer": "other"}, {"username": "other", "customer": "cmr"}]
)
def test_neither_a_username_nor_a_customer_id_is_given_twice(twin: dict[str, str]) -> None:
    register()
    with pytest.raises(AlreadyRegisteredError):
        register(**twin, email="new@wildrydes.example")

    assert User.objects.count() == 1
    assert not Message.objects.exists()


def test_unicorns_and_staff_are_no_customers() -> None:
    unicorn = operations.register_unicorn(username="rarity", password="x", fleet="cape-town")
    staff = operations.register_staff(username="desk", password="x")
    operator = operations.register_staff(username="operator", password="x", operator=True)

    assert (unicorn.role, unicorn.fleet, unicorn.customer) == ("unicorn", "cape-town", None)
    assert (staff.role, staff.is_staff, staff.is_superuser) == ("staff", False, False)
    assert (operator.role, operator.is_staff, operator.is_superuser) == ("staff", True, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"role": "customer"},
        {"role": "customer", "customer": ""},
        {"role": "unicorn"},
        {"role": "unicorn", "customer": "cmr"},
        {"role": "dragon"},
        {},
    ],
    ids=str,
)
def test_the_database_refuses_a_role_that_is_not_complete(fields: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="someone", **fields)


def test_createsuperuser_makes_staff() -> None:
    assert User.objects.create_superuser(username="root").role == "staff"
