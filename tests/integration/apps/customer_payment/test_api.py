"""Cards and payments over HTTP; what comes from the provider is believed when it is signed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import stripe
from django.conf import settings
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from apps.customer_payment.models import Payment, PaymentEvent, PaymentMethod
from apps.identity.models import User
from tests.sandbox import SandboxProcess

METHODS = "/api/v1/customers/me/payment-methods"
PAYMENTS = "/api/v1/payments"
WEBHOOK = f"{PAYMENTS}/webhook"
MakeCaller = Callable[..., Any]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def customer(sandbox: SandboxProcess, as_customer: APIClient) -> APIClient:
    """Return the customer `cmr`, with a sandbox to pay at."""
    return as_customer


def added(client: APIClient, token: str) -> dict[str, Any]:
    answer = client.post(METHODS, {"token": token}, format="json")
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    assert answer["Location"] == f"{METHODS}/{body['id']}"
    return body


def shown(client: APIClient) -> list[tuple[str, bool]]:
    results = client.get(METHODS).json()["results"]
    return [(item["card"], item["is_default"]) for item in results]


def test_a_choice_says_nothing_further(customer: APIClient) -> None:
    added(customer, "pm_card_visa")
    other = added(customer, "pm_card_mastercard")
    refused = customer.post(f"{METHODS}/{other['id']}/default", {"for": "ever"}, format="json")

    assert [error["field"] for error in refused.json()["errors"]] == ["for"]
    assert shown(customer)[0] == ("•••• 4444", False)


def test_a_customer_keeps_cards_chooses_one_and_removes_it(customer: APIClient) -> None:
    first, second = added(customer, "pm_card_visa"), added(customer, "pm_card_mastercard")

    assert (first["brand"], first["last4"], first["is_default"]) == ("visa", "4242", True)
    assert shown(customer) == [("•••• 4444", False), ("•••• 4242", True)]
    assert customer.get(f"{METHODS}/{second['id']}").json() == second

    chosen = customer.post(f"{METHODS}/{second['id']}/default")
    assert (chosen.status_code, chosen.json()["is_default"]) == (200, True)
    assert shown(customer) == [("•••• 4444", True), ("•••• 4242", False)]

    assert customer.delete(f"{METHODS}/{second['id']}").status_code == 204
    assert customer.delete(f"{METHODS}/{second['id']}").status_code == 404
    assert shown(customer) == [("•••• 4242", True)]


def test_a_card_that_was_added_pays(
    customer: APIClient, caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()
    PaymentMethod.objects.all().delete()
    added(customer, "pm_card_mastercard")

    assert one.authorise().data["card"] == "•••• 4444"
    assert one.capture().outcome == "answered"
    assert [kind for kind, _ in sandbox.moved(one.reference)] == ["authorised", "captured"]


def test_another_customers_cards_are_not_there(customer: APIClient) -> None:
    other = PaymentMethod.objects.create(
        customer="other", token="pm_1", brand="visa", last4="4242", created_at="2026-03-01T12:00Z"
    )

    assert shown(customer) == []
    for answer in (
        customer.get(f"{METHODS}/{other.id}"),
        customer.delete(f"{METHODS}/{other.id}"),
        customer.post(f"{METHODS}/{other.id}/default"),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"token": "4242424242424242"}, "token"),
        ({"token": "4242 4242 4242 4242"}, "token"),
        ({"token": "pm_4242-4242-4242-4242"}, "token"),
        ({"token": 4242424242424242}, "token"),
        ({"token": "pm_card_visa", "number": "378282246310005"}, "number"),
        ({"token": "pm_card_visa", "card": {"number": 4242424242424242}}, "card.number"),
        ({"token": "pm_card_visa", "notes": ["x", "5555.5555.5555.4444"]}, "notes[1]"),
        ({"4242424242424242": "x"}, "[redacted]"),
    ],
)
def test_a_cards_number_is_refused_by_the_fields_name_and_not_said_back(
    body: dict[str, Any], field: str, customer: APIClient, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = customer.post(METHODS, body, format="json")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert {error["field"] for error in answer.json()["errors"]} == {field}
    said = answer.content.decode() + "".join(capfd.readouterr())
    for digits in ("4242", "378282246310005", "5555"):
        assert digits not in said
    assert not PaymentMethod.objects.exists()


def test_a_cards_number_in_a_query_is_refused_too(as_staff: APIClient) -> None:
    answer = as_staff.get(PAYMENTS, {"reference": "4242 4242 4242 4242"})

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["reference"]
    assert "4242" not in answer.content.decode()


@pytest.mark.parametrize("token", ["", "visa", "tok_visa", "pm_", "pm card", "pm_unheard_of", 7])
def test_what_is_no_token_is_refused(token: Any, customer: APIClient) -> None:
    answer = customer.post(METHODS, {"token": token}, format="json")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["token"]


def test_a_provider_that_is_down_is_said_and_nothing_is_kept(
    customer: APIClient, sandbox: SandboxProcess
) -> None:
    sandbox.control(down=True)

    answer = customer.post(METHODS, {"token": "pm_card_visa"}, format="json")

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert not PaymentMethod.objects.exists()


def test_staff_see_a_payment_with_its_story(as_staff: APIClient, caller: MakeCaller) -> None:
    one = caller()
    one.authorise()
    one.capture()
    one.refund("56.50")

    (found,) = as_staff.get(PAYMENTS, {"reference": one.reference}).json()["results"]

    assert as_staff.get(f"{PAYMENTS}/{one.payment.id}").json() == found
    assert (found["amount"], found["captured"], found["refunded"]) == ("256.50", "256.50", "56.50")
    assert (found["status"], found["card"], found["currency"]) == ("captured", "•••• 4242", "EUR")
    assert [item["amount"] for item in found["refunds"]] == ["56.50"]
    kinds = [item["kind"] for item in found["events"]]
    assert kinds == ["authorised", "captured", "refunded"]
    assert as_staff.get(PAYMENTS, {"reference": "nothing"}).json() == {"results": []}
    assert as_staff.get(f"{PAYMENTS}/{uuid4()}").status_code == 404
    assert as_staff.get(PAYMENTS).status_code == 400


def test_everybody_sees_only_what_is_theirs(
    as_customer: APIClient, as_staff: APIClient, as_unicorn: APIClient
) -> None:
    for client, status in ((APIClient(), 401), (as_unicorn, 403), (as_staff, 403)):
        assert client.get(METHODS).status_code == status
        assert client.post(METHODS, {"token": "pm_card_visa"}).status_code == status
    for client, status in ((APIClient(), 401), (as_unicorn, 403), (as_customer, 403)):
        assert client.get(PAYMENTS, {"reference": "x"}).status_code == status
        assert client.get(f"{PAYMENTS}/{uuid4()}").status_code == status


def event(intent: str, *, type_: str = "charge.dispute.created", id_: str = "") -> str:
    about = {"object": "dispute", "payment_intent": intent, "amount": 25650, "currency": "eur"}
    return json.dumps(
        {
            "id": id_ or f"evt_{uuid4().hex}",
            "object": "event",
            "type": type_,
            "data": {"object": {**about, "reason": "fraudulent"}},
        }
    )


def told(payload: str, *, signed: str | None = None) -> Any:
    signature = stripe.WebhookSignature.generate_signature_header(
        payload, settings.STRIPE_WEBHOOK_SECRET
    )
    return APIClient().post(
        WEBHOOK,
        payload,
        content_type="application/json",
        headers={"Stripe-Signature": signature if signed is None else signed},
    )


def test_what_the_provider_tells_is_written_down_once(caller: MakeCaller) -> None:
    one = caller()
    one.authorise()
    payload = event(one.payment.provider_id)

    for _ in range(2):
        answer = told(payload)
        assert (answer.status_code, answer.json()) == (200, {"received": True})

    (row,) = one.payment.events.filter(kind=PaymentEvent.Kind.TOLD)
    assert (str(row.amount), row.note) == ("256.50", "charge.dispute.created fraudulent")
    assert one.payment.status == Payment.Status.AUTHORISED


def test_what_is_told_of_a_payment_that_is_being_made_is_asked_for_again(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller("pm_sandbox_silent")
    with pytest.raises(Exception, match="ConnectionError"):
        one.authorise()
    (intent,) = {item["intent"] for item in sandbox.ledger(one.reference)["movements"]}

    assert told(event(intent)).status_code == 503
    one.authorise()
    assert told(event(intent)).status_code == 200


def test_what_is_told_of_no_payment_of_ours_is_taken_and_left(transactional_db: None) -> None:
    assert told(event("pi_of_somebody_else")).status_code == 200
    assert told(event("")).status_code == 200
    assert not PaymentEvent.objects.exists()


def test_what_is_not_signed_is_refused(caller: MakeCaller) -> None:
    one = caller()
    one.authorise()
    payload = event(one.payment.provider_id)
    secret = settings.STRIPE_WEBHOOK_SECRET
    sign = stripe.WebhookSignature.generate_signature_header
    long_ago = int(time.time()) - 3600

    for signed in (
        "",
        "nonsense",
        sign(payload, "whsec_other"),
        sign(payload + " ", secret),
        sign(payload, secret, timestamp=long_ago),
    ):
        answer = told(payload, signed=signed)
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
    assert told("not json").status_code == 400
    assert not one.payment.events.filter(kind=PaymentEvent.Kind.TOLD).exists()


def test_without_a_secret_nothing_is_believed(caller: MakeCaller, settings: Any) -> None:
    one = caller()
    one.authorise()
    settings.STRIPE_WEBHOOK_SECRET = ""

    assert told(event(one.payment.provider_id)).status_code == 400


def test_operators_look_at_payments_and_change_none(caller: MakeCaller) -> None:
    one = caller()
    one.authorise()
    one.capture()
    one.refund("1.00")
    browser = Client()
    browser.force_login(User.objects.create_superuser(username="operator"))

    for model, row in (("payment", one.payment), ("paymentmethod", PaymentMethod.objects.get())):
        list_ = reverse(f"admin:customer_payment_{model}_changelist")
        page = reverse(f"admin:customer_payment_{model}_change", args=[row.pk])
        assert browser.get(list_, {"q": "cmr"}).status_code == 200
        assert "•••• 4242" in browser.get(page).content.decode()
        assert browser.post(page, {}).status_code == 403
        delete = reverse(f"admin:customer_payment_{model}_delete", args=[row.pk])
        assert browser.post(delete, {"post": "yes"}).status_code == 403


def test_a_card_that_is_sent_again_with_its_key_is_kept_once(customer: APIClient) -> None:
    key = {"Idempotency-Key": "k-1"}
    body = {"token": "pm_card_visa"}
    first, second = (customer.post(METHODS, body, format="json", headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert (second.content, second["Location"]) == (first.content, first["Location"])
    assert second["Idempotency-Replayed"] == "true"
    assert PaymentMethod.objects.count() == 1


def test_a_card_that_was_refused_may_be_followed_by_another_under_the_same_key(
    customer: APIClient,
) -> None:
    key = {"Idempotency-Key": "k-1"}
    unknown = {"token": "pm_nobody_knows"}
    assert customer.post(METHODS, unknown, format="json", headers=key).status_code == 400
    body = {"token": "pm_card_visa"}
    assert customer.post(METHODS, body, format="json", headers=key).status_code == 201
