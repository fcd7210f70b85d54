"""Commands in, answers out, and the provider's ledger beside ours: they agree to the cent."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from apps.customer_payment import subscriptions
from apps.customer_payment.gateway import UnknownOutcomeError
from apps.customer_payment.models import Payment, PaymentEvent, ProviderIntent, Refund
from apps.customer_payment.operations import batches, standing
from tests.sandbox import SandboxProcess

from .conftest import said

MakeCaller = Callable[..., Any]
HELD = ("authorised", "256.50")
TAKEN = ("captured", "256.50")
FREED = ("released", "256.50")
GIVEN_BACK = ("refunded", "256.50")


def test_a_payment_from_authorisation_to_refund(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()

    held, taken, back = one.authorise(), one.capture(), one.refund("56.50")

    payment = one.payment
    assert held.data == {
        "payment": str(payment.id),
        "status": "authorised",
        "provider_id": payment.provider_id,
        "card": "•••• 4242",
    }
    assert (taken.data["status"], taken.data["amount"]) == ("captured", "256.50")
    assert (back.data["status"], back.data["amount"]) == ("captured", "56.50")
    assert (payment.amount, payment.captured, payment.refunded) == (
        Decimal("256.50"),
        Decimal("256.50"),
        Decimal("56.50"),
    )
    assert one.refund(undo="rest").data["status"] == "refunded"
    assert sandbox.moved(one.reference) == [
        HELD,
        TAKEN,
        ("refunded", "56.50"),
        ("refunded", "200.00"),
    ]
    kinds = payment.events.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["authorised", "captured", "refunded", "refunded"]


def test_every_command_that_is_sent_again_takes_effect_once(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()

    for order in (one.authorise, one.capture, lambda: one.refund("56.50")):
        assert order() == order()

    assert sandbox.moved(one.reference) == [HELD, TAKEN, ("refunded", "56.50")]


def test_what_the_provider_did_before_our_transaction_was_lost_is_not_done_again(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()
    for order in (one.authorise, one.capture, one.refund):
        with transaction.atomic():
            order()
            transaction.set_rollback(True)
        assert order().outcome == "answered"

    assert sandbox.moved(one.reference) == [HELD, TAKEN, GIVEN_BACK]


def test_a_customer_without_a_card_is_declined(
    transactional_db: None, caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()
    one.customer = "nobody"

    answer = one.authorise()

    assert (answer.outcome, answer.reason) == ("declined", "there is no payment method")
    assert one.payment.status == Payment.Status.DECLINED
    assert sandbox.moved(one.reference) == []


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("pm_card_chargeDeclined", "your card was declined (generic_decline)"),
        (
            "pm_card_chargeDeclinedInsufficientFunds",
            "your card has insufficient funds (insufficient_funds)",
        ),
    ],
)
def test_a_card_that_declines_is_an_answer_and_not_a_failure(
    token: str, reason: str, caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller(token)

    first, again = one.authorise(), one.authorise()

    assert (first.outcome, first.reason) == ("declined", reason)
    assert again == first
    assert one.release().outcome == "answered"
    assert sandbox.moved(one.reference) == []


def test_a_capture_that_is_declined_leaves_what_can_be_released(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller("pm_sandbox_captureDeclined")
    one.authorise()

    assert one.capture().outcome == "declined"
    assert one.refund().data["status"] == "released"
    assert one.release().data["status"] == "released"

    assert sandbox.moved(one.reference) == [HELD, FREED]


def test_a_payment_that_was_released_cannot_be_captured(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()
    one.authorise()
    one.release()

    answer = one.capture()

    assert (answer.outcome, answer.reason) == ("declined", "the payment is released")
    assert sandbox.moved(one.reference) == [HELD, FREED]


def test_a_hold_that_the_provider_let_go_of_cannot_be_captured(
    caller: MakeCaller, sandbox: SandboxProcess, provider: Any
) -> None:
    one = caller()
    one.authorise()
    provider.cancel(one.payment.provider_id, key=f"{one.reference}/expired")

    answer = one.capture()

    assert answer.reason == "the authorisation is no longer valid"
    assert one.payment.status == Payment.Status.RELEASED


@pytest.mark.parametrize("undo", ["release", "refund"])
def test_what_was_never_seen_is_called_off_and_a_late_authorisation_refused(
    undo: str, caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()

    assert getattr(one, undo)().data["status"] == "void"
    late = one.authorise()

    assert (late.outcome, late.reason) == ("declined", "the payment was called off")
    assert sandbox.moved(one.reference) == []


def test_what_was_never_seen_cannot_be_captured(caller: MakeCaller) -> None:
    answer = caller().capture()

    assert (answer.outcome, answer.reason) == ("declined", "there is no such payment")


@pytest.mark.parametrize("undo", ["release", "refund"])
@pytest.mark.parametrize(
    ("token", "moved"), [("pm_sandbox_silent", [HELD, FREED]), ("pm_sandbox_timeout", [])]
)
def test_an_authorisation_whose_outcome_is_unknown_is_found_and_undone(
    token: str,
    moved: list[tuple[str, str]],
    undo: str,
    caller: MakeCaller,
    sandbox: SandboxProcess,
) -> None:
    one = caller(token)
    with pytest.raises(UnknownOutcomeError):
        one.authorise()
    assert not Payment.objects.filter(reference=one.reference).exists()

    until_answered(getattr(one, undo))

    assert one.payment.status == Payment.Status.RELEASED
    assert one.authorise().outcome == "declined"
    assert sandbox.moved(one.reference) == moved


def until_answered(order: Callable[[], Any]) -> Any:
    """Give an order again, as the kernel does, when its outcome was unknown; twice at most."""
    try:
        return order()
    except UnknownOutcomeError:
        return order()


def test_an_answer_that_is_lost_costs_a_retry_and_nothing_else(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller("pm_sandbox_silent")

    for order in (one.authorise, one.capture, one.refund):
        with pytest.raises(UnknownOutcomeError):
            order()
        assert order().outcome == "answered"

    assert sandbox.moved(one.reference) == [HELD, TAKEN, GIVEN_BACK]


def test_an_error_500_costs_a_retry_and_nothing_else(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller("pm_sandbox_500then200")

    for order in (one.authorise, one.capture, one.refund):
        with pytest.raises(UnknownOutcomeError):
            order()
        assert order().outcome == "answered"

    assert sandbox.moved(one.reference) == [HELD, TAKEN, GIVEN_BACK]


@pytest.mark.parametrize(
    ("behaviour", "moved"), [("silent", [HELD, TAKEN, GIVEN_BACK]), ("hang", [HELD, FREED])]
)
def test_a_capture_whose_outcome_is_unknown_is_undone_as_it_turns_out(
    behaviour: str, moved: list[tuple[str, str]], caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()
    one.authorise()
    sandbox.control(rules=[{"operation": "capture", "behaviour": behaviour}])
    with pytest.raises(UnknownOutcomeError):
        one.capture()
    assert one.payment.status == Payment.Status.AUTHORISED

    one.refund()
    one.release()

    assert sandbox.moved(one.reference) == moved


def test_a_release_does_not_take_back_what_was_captured(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()
    one.authorise()
    sandbox.control(rules=[{"operation": "capture", "behaviour": "silent"}])
    with pytest.raises(UnknownOutcomeError):
        one.capture()

    for _ in range(2):
        answer = one.release()
        assert answer.reason == "the money has been taken; it can be refunded"

    assert one.payment.captured == Decimal("256.50")
    assert sandbox.moved(one.reference) == [HELD, TAKEN]


def test_a_refund_that_was_refused_succeeds_when_the_provider_has_changed_its_mind(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller("pm_sandbox_refundFails")
    one.authorise()
    one.capture()
    for _ in range(2):
        assert "refund_refused" in one.refund().reason
    assert one.payment.status == Payment.Status.CAPTURED

    sandbox.control(rules=[{"token": "pm_sandbox_refundFails", "behaviour": "ok"}])

    assert one.refund().data["status"] == "refunded"
    assert one.refund().data["status"] == "refunded"
    assert sandbox.moved(one.reference) == [HELD, TAKEN, GIVEN_BACK]


def test_an_older_command_gives_nothing_back_when_a_later_one_was_refused(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller("pm_sandbox_refundFails")
    one.authorise()
    one.capture()
    older, later, latest = (
        one.command("refund", position=place, amount=None) for place in (7, 8, 9)
    )
    assert "refund_refused" in said(subscriptions.refund, later).reason
    sandbox.control(rules=[{"token": "pm_sandbox_refundFails", "behaviour": "ok"}])

    answer = said(subscriptions.refund, older)

    assert (answer.outcome, answer.reason) == ("declined", batches.OVERTAKEN)
    assert sandbox.moved(one.reference) == [HELD, TAKEN]
    assert said(subscriptions.refund, latest).data["status"] == "refunded"
    assert sandbox.moved(one.reference) == [HELD, TAKEN, GIVEN_BACK]


def test_no_more_is_given_back_than_was_taken(caller: MakeCaller, sandbox: SandboxProcess) -> None:
    one = caller()
    one.authorise()
    one.capture()
    one.refund("200.00", undo="first")

    answer = one.refund("56.51", undo="second")

    assert answer.reason == "only 56.50 is left to be refunded"
    assert sandbox.moved(one.reference) == [HELD, TAKEN, ("refunded", "200.00")]


def test_refunds_at_once_give_back_no_more_than_was_taken(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one = caller()
    one.authorise()
    one.capture()

    def refund(number: int) -> str:
        try:
            return str(one.refund("100.00", undo=f"refund {number}").outcome)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        outcomes = sorted(pool.map(refund, range(5)))

    assert outcomes == ["answered"] * 2 + ["declined"] * 3
    assert one.payment.refunded == Decimal("200.00")
    assert sandbox.moved(one.reference)[2:] == [("refunded", "100.00")] * 2


def test_an_authorisation_and_its_release_at_once_hold_nothing_in_the_end(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    callers = [caller() for _ in range(5)]

    def both(order: Callable[[], Any]) -> str:
        try:
            return str(order().outcome)
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(both, [order for one in callers for order in (one.authorise, one.release)]))

    for one in callers:
        assert sandbox.moved(one.reference) in ([], [HELD, FREED])
        assert one.payment.status in (Payment.Status.VOID, Payment.Status.RELEASED)


def test_a_batch_is_answered_in_order_and_one_payment_may_be_in_it_twice(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one, two = caller(), caller()
    two.customer = "nobody"
    commands = [one.authorisation(), two.authorisation(), one.authorisation()]

    with transaction.atomic():
        answers = subscriptions.authorise(commands)

    outcomes = [answer.outcome for answer in answers if answer]
    assert outcomes == ["answered", "declined", "answered"]
    assert answers[0] == answers[2]
    assert sandbox.moved(one.reference) == [HELD]


def test_who_got_no_answer_in_a_batch_is_not_waited_for_again_alone(
    caller: MakeCaller, sandbox: SandboxProcess
) -> None:
    one, two = caller(), caller()
    sandbox.control(down=True)
    with pytest.raises(UnknownOutcomeError, match="503"), transaction.atomic():
        subscriptions.authorise([one.authorisation(), two.authorisation()])
    sandbox.control(down=False)

    with pytest.raises(UnknownOutcomeError, match="when it was asked with others"):
        one.authorise()

    assert one.authorise().outcome == "answered"
    assert sandbox.moved(one.reference) == [HELD]


def test_a_card_that_is_changed_between_two_attempts_changes_nothing(
    caller: MakeCaller, card: Callable[..., None], sandbox: SandboxProcess
) -> None:
    one = caller("pm_sandbox_silent")
    with pytest.raises(UnknownOutcomeError):
        one.authorise()
    card("pm_card_mastercard")

    answer = one.authorise()

    assert answer.data["card"] == "•••• 0499"
    assert sandbox.moved(one.reference) == [HELD]


def test_whom_to_ask_is_known_before_the_card_is_asked_for_anything(
    caller: MakeCaller, monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess
) -> None:
    one = caller()
    kept: list[list[tuple[str, str]]] = []
    write_ahead = standing.write_ahead

    def watched(intents: list[ProviderIntent]) -> None:
        kept.append(sandbox.moved(one.reference))
        write_ahead(intents)

    monkeypatch.setattr("apps.customer_payment.operations.authorising.write_ahead", watched)
    with transaction.atomic():
        one.authorise()
        transaction.set_rollback(True)

    assert kept == [[]]
    assert ProviderIntent.objects.filter(reference=one.reference).exists()


def test_another_payment_cannot_take_the_reference(caller: MakeCaller) -> None:
    one = caller()
    one.authorise()

    assert one.authorise("1.00").reason == "another payment has this reference"


def test_what_happened_is_never_changed(caller: MakeCaller) -> None:
    one = caller()
    one.authorise()
    one.capture()
    one.refund()

    for rows in (PaymentEvent.objects.all(), Refund.objects.all()):
        with pytest.raises(DatabaseError, match="what happened is not changed"):
            rows.delete()
    with pytest.raises(DatabaseError, match="what happened is not changed"):
        PaymentEvent.objects.update(note="")
    with pytest.raises(DatabaseError, match="customer_payment_amounts_fit"):
        Payment.objects.update(refunded=Decimal("256.51"))
