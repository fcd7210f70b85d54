from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.customer_payment import demo
from apps.customer_payment.models import PaymentMethod
from apps.identity.demo import ACCOUNTS
from config.sandbox.cards import CARDS

pytestmark = pytest.mark.django_db


def test_every_demo_customer_has_a_card_however_often_it_is_seeded() -> None:
    call_command("seed_payment_methods")
    call_command("seed_payment_methods")

    customers = {account.customer for account in ACCOUNTS if account.customer}
    rows = PaymentMethod.objects.filter(is_default=True)
    assert sorted(rows.values_list("customer", flat=True)) == sorted(customers)
    assert PaymentMethod.objects.count() == len(customers)


def test_a_card_that_a_customer_has_chosen_stays() -> None:
    call_command("seed_payment_methods")
    PaymentMethod.objects.filter(customer="cmr").update(token="pm_chosen")

    call_command("seed_payment_methods")

    assert PaymentMethod.objects.get(customer="cmr").token == "pm_chosen"


def test_the_cards_are_those_of_the_sandbox() -> None:
    for card in demo.CARDS.values():
        assert CARDS[card.token].last4 == card.last4


def test_there_are_no_demo_cards_where_there_are_no_demo_accounts(settings: Settings) -> None:
    settings.DEMO_ACCOUNTS = False

    with pytest.raises(CommandError):
        call_command("seed_payment_methods")
