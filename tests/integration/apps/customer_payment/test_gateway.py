"""Stripe's own client against a real sandbox process: what is promised of each test token."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from apps.customer_payment import gateway
from apps.customer_payment.gateway import (
    DeclinedError,
    Gateway,
    GatewayError,
    Intent,
    State,
    UnknownOutcomeError,
)
from apps.customer_payment.gateway.stripe_gateway import StripeGateway
from tests.sandbox import KEY, SandboxProcess, running

FARE = Decimal("256.50")
SILENT = "pm_sandbox_silent"


class Payer:
    """A payment under a reference of its own, with one card."""

    def __init__(self, provider: Gateway, token: str) -> None:
        self.provider = provider
        self.token = token
        self.reference = f"ride-{uuid4()}"

    def opened(self, amount: Decimal = FARE, currency: str = "EUR") -> Intent:
        wanted = gateway.Wanted(
            reference=self.reference,
            customer="cmr",
            amount=amount,
            currency=currency,
            description="Ride from Berlin to Frankfurt",
            token=self.token,
            provider_customer="",
        )
        return self.provider.open(wanted, key=f"{self.reference}/open")

    def authorised(self) -> Intent:
        return self.provider.confirm(self.opened().id, key=f"{self.reference}/authorise")

    def captured(self) -> Intent:
        return self.provider.capture(self.authorised().id, key=f"{self.reference}/capture")


@pytest.fixture
def gateway_to() -> Iterator[Callable[..., StripeGateway]]:
    """Return a maker of further gateways, which are closed at the end."""
    made: list[StripeGateway] = []

    def make(sandbox: SandboxProcess, *, key: str = KEY, seconds: float = 5) -> StripeGateway:
        timeout = timedelta(seconds=seconds)
        made.append(StripeGateway(api_base=sandbox.url, key=key, timeout=timeout))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def payer(provider: Gateway) -> Callable[[str], Payer]:
    return lambda token: Payer(provider, token)


@pytest.mark.parametrize("token", ["pm_card_visa", "pm_card_mastercard"])
def test_a_payment_is_authorised_captured_and_refunded_in_parts(
    token: str, payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer(token)
    assert one.opened().state is State.OPEN
    assert sandbox.moved(one.reference) == []

    intent = one.captured()
    refund = one.provider.refund(intent, amount=Decimal("56.50"), key=f"{one.reference}/refund")

    assert (intent.state, intent.captured) == (State.CAPTURED, FARE)
    assert list(one.provider.refunds(intent)) == [refund]
    assert (refund.amount, refund.key) == (Decimal("56.50"), f"{one.reference}/refund")
    assert sandbox.moved(one.reference) == [
        ("authorised", "256.50"),
        ("captured", "256.50"),
        ("refunded", "56.50"),
    ]


def test_an_amount_that_the_currency_cannot_express_is_declined_and_not_tried_again(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer("pm_card_visa")

    with pytest.raises(DeclinedError, match="not a whole number of units"):
        one.opened(Decimal("12.50"), currency="JPY")

    assert sandbox.moved(one.reference) == []


def test_what_is_authorised_can_be_let_go_of(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer("pm_card_visa")
    intent = one.provider.cancel(one.authorised().id, key=f"{one.reference}/release")

    assert intent.state is State.CANCELLED
    assert sandbox.moved(one.reference) == [("authorised", "256.50"), ("released", "256.50")]
    with pytest.raises(DeclinedError, match="payment_intent_unexpected_state"):
        one.provider.capture(intent.id, key=f"{one.reference}/capture")


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_card_that_declines_holds_nothing_and_says_why(
    token: str, code: str, payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer(token)

    for _ in range(2):
        with pytest.raises(DeclinedError, match=code):
            one.authorised()

    intent = one.provider.find(one.opened().id)
    assert intent.state is State.DECLINED
    assert code in intent.reason
    assert sandbox.moved(one.reference) == []


def test_a_capture_may_be_declined_and_the_amount_stays_authorised(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer("pm_sandbox_captureDeclined")

    with pytest.raises(DeclinedError, match=r"your card was declined \(generic_decline\)"):
        one.captured()

    assert one.provider.find(one.opened().id).state is State.AUTHORISED
    assert sandbox.moved(one.reference) == [("authorised", "256.50")]


def test_refunds_fail_until_the_control_says_otherwise(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer("pm_sandbox_refundFails")
    intent = one.captured()
    for attempt in range(3):
        with pytest.raises(DeclinedError, match="refund_refused"):
            one.provider.refund(intent, amount=FARE, key=f"{one.reference}/refund/{attempt}")

    sandbox.control(rules=[{"token": "pm_sandbox_refundFails", "behaviour": "ok"}])
    one.provider.refund(intent, amount=FARE, key=f"{one.reference}/refund/3")

    assert sandbox.moved(one.reference)[-1] == ("refunded", "256.50")


def test_a_provider_that_hangs_is_not_waited_for_and_has_done_nothing(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer("pm_sandbox_timeout")
    intent = one.opened()

    with pytest.raises(UnknownOutcomeError, match="Timeout"):
        one.provider.confirm(intent.id, key=f"{one.reference}/authorise")

    assert one.provider.find(intent.id).state is State.OPEN
    assert one.provider.cancel(intent.id, key=f"{one.reference}/undo").state is State.CANCELLED
    assert sandbox.moved(one.reference) == []


def test_an_answer_that_is_lost_is_given_again_and_nothing_is_done_twice(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer(SILENT)
    intent = one.opened()

    with pytest.raises(UnknownOutcomeError):
        one.provider.confirm(intent.id, key=f"{one.reference}/authorise")
    assert one.provider.find(intent.id).state is State.AUTHORISED
    one.authorised()
    with pytest.raises(UnknownOutcomeError):
        one.provider.capture(intent.id, key=f"{one.reference}/capture")
    captured = one.captured()
    with pytest.raises(UnknownOutcomeError):
        one.provider.refund(captured, amount=FARE, key=f"{one.reference}/refund")
    one.provider.refund(captured, amount=FARE, key=f"{one.reference}/refund")

    assert sandbox.moved(one.reference) == [
        ("authorised", "256.50"),
        ("captured", "256.50"),
        ("refunded", "256.50"),
    ]


def test_after_an_error_500_the_same_request_succeeds(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer("pm_sandbox_500then200")

    with pytest.raises(UnknownOutcomeError, match="status 500"):
        one.authorised()
    assert sandbox.moved(one.reference) == []

    assert one.authorised().state is State.AUTHORISED


def test_an_answer_that_comes_twice_confuses_no_later_one(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one, other = payer("pm_sandbox_answersTwice"), payer("pm_card_visa")

    assert one.captured().state is State.CAPTURED
    assert other.opened(Decimal("1.00")).amount == Decimal("1.00")
    assert one.provider.find(one.opened().id).captured == FARE


def test_a_slow_provider_is_waited_for_as_long_as_the_settings_say(
    sandbox: SandboxProcess, gateway_to: Callable[..., StripeGateway]
) -> None:
    patient = gateway_to(sandbox, seconds=10)
    hasty = gateway_to(sandbox, seconds=1)
    one = Payer(hasty, "pm_sandbox_slow")

    with pytest.raises(UnknownOutcomeError):
        one.authorised()
    one.provider = patient

    assert one.authorised().state is State.AUTHORISED
    assert sandbox.moved(one.reference) == [("authorised", "256.50")]


def test_a_key_serves_one_request_only(payer: Callable[[str], Payer]) -> None:
    one = payer("pm_card_visa")
    one.opened()

    with pytest.raises(GatewayError, match="IdempotencyError"):
        one.opened(Decimal("1.00"))


def test_of_many_captures_at_once_one_takes_the_money(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    one = payer("pm_card_visa")
    one.authorised()

    with ThreadPoolExecutor(10) as pool:
        states = list(pool.map(lambda _: one.captured().state, range(20)))

    assert states == [State.CAPTURED] * 20
    assert sandbox.moved(one.reference) == [("authorised", "256.50"), ("captured", "256.50")]


def test_a_rule_may_be_for_one_customer_and_one_operation(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    rule = {"customer": "cmr", "operation": "capture", "behaviour": "decline"}
    sandbox.control(rules=[{**rule, "decline": "lost_card"}])
    one = payer("pm_card_visa")

    with pytest.raises(DeclinedError, match="lost_card"):
        one.captured()


def test_a_provider_that_is_down_leaves_the_outcome_unknown(
    payer: Callable[[str], Payer], sandbox: SandboxProcess
) -> None:
    sandbox.control(down=True)

    with pytest.raises(UnknownOutcomeError, match="503"):
        payer("pm_card_visa").opened()


def test_a_foreign_key_is_refused(
    sandbox: SandboxProcess, gateway_to: Callable[..., StripeGateway]
) -> None:
    stranger = gateway_to(sandbox, key="sk_other")

    with pytest.raises(GatewayError, match="AuthenticationError"):
        Payer(stranger, "pm_card_visa").opened()


def test_a_card_is_kept_for_a_customer_until_it_is_not(provider: Gateway) -> None:
    kept = provider.attach("pm_card_mastercard", customer="cmr", provider_customer="")
    again = provider.attach(
        "pm_card_visa", customer="cmr", provider_customer=kept.provider_customer
    )

    assert (kept.brand, kept.last4) == ("mastercard", "4444")
    assert again.provider_customer == kept.provider_customer
    assert again.token not in ("pm_card_visa", kept.token)
    provider.detach(kept.token)
    provider.detach(kept.token)
    provider.detach("pm_card_visa")
    with pytest.raises(DeclinedError, match="resource_missing"):
        provider.attach("pm_card_unheard_of", customer="cmr", provider_customer="")


def test_killing_the_sandbox_loses_nothing_that_it_has_answered(
    tmp_path: Path, gateway_to: Callable[..., StripeGateway]
) -> None:
    with running(tmp_path) as sandbox:
        provider = gateway_to(sandbox)
        one = Payer(provider, "pm_card_visa")
        intent = one.captured()

        sandbox.kill()
        with pytest.raises(UnknownOutcomeError):
            one.provider.find(intent.id)
        sandbox.start()

        assert one.captured() == intent
        assert sandbox.moved(one.reference) == [("authorised", "256.50"), ("captured", "256.50")]
