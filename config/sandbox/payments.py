"""What the provider does: intents that are confirmed, captured, cancelled and refunded."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from config.sandbox import wire
from config.sandbox.cards import CARDS, Card
from config.sandbox.ledger import Ledger

Form = Mapping[str, Any]
Object = dict[str, Any]

CONFIRMABLE = ("requires_confirmation", "requires_payment_method")
CANCELLABLE = (*CONFIRMABLE, "requires_capture")


class Payments:
    """The provider's books and what may be done with them; within a transaction of the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def card_behind(self, payment_method: str) -> tuple[str, Card]:
        """Return the test token behind a payment method, and its card."""
        attached = self._ledger.get("payment_method", payment_method)
        token = attached["sandbox_token"] if attached else payment_method
        if token not in CARDS:
            raise wire.missing("PaymentMethod", payment_method)
        return token, CARDS[token]

    def find(self, kind: str, id_: str) -> Object:
        """Return an object; refuses with 404 what is not there."""
        found = self._ledger.get(kind, id_)
        if found is None:
            raise wire.missing(kind, id_)
        return found

    def create_customer(self, form: Form) -> Object:
        """Open a customer."""
        return self._keep({"object": "customer", "metadata": form.get("metadata", {})}, "cus")

    def attach(self, payment_method: str, form: Form) -> Object:
        """Attach a payment method to a customer; a test token becomes one of the customer's own."""
        customer = self.find("customer", _text(form, "customer"))
        token, card = self.card_behind(payment_method)
        attached = self._ledger.get("payment_method", payment_method) or {
            "object": "payment_method",
            "type": "card",
            "card": {"brand": card.brand, "last4": card.last4},
            "sandbox_token": token,
        }
        if attached.get("customer") not in (None, customer["id"]):
            raise wire.invalid("The payment method is attached to another customer.")
        return self._keep({**attached, "customer": customer["id"]}, "pm")

    def detach(self, payment_method: str) -> Object:
        """Detach a payment method from its customer."""
        attached = self.find("payment_method", payment_method)
        return self._keep({**attached, "customer": None}, "pm")

    def create_intent(self, form: Form) -> Object:
        """Open an intent; no money is touched before it is confirmed."""
        if form.get("capture_method") != "manual":
            raise wire.invalid("Only capture_method=manual is rehearsed.", param="capture_method")
        self.card_behind(_text(form, "payment_method"))
        return self._keep(
            {
                "object": "payment_intent",
                "amount": _amount(form),
                "amount_capturable": 0,
                "amount_received": 0,
                "capture_method": "manual",
                "currency": _text(form, "currency").lower(),
                "customer": form.get("customer"),
                "description": form.get("description"),
                "metadata": form.get("metadata", {}),
                "payment_method": form["payment_method"],
                "status": "requires_confirmation",
                "last_payment_error": None,
                "livemode": False,
            },
            "pi",
        )

    def confirm(self, intent: Object) -> Object:
        """Authorise the amount of an intent."""
        _refuse_unless(intent, CONFIRMABLE, "confirmed")
        confirmed = {
            **intent,
            "status": "requires_capture",
            "amount_capturable": intent["amount"],
            "last_payment_error": None,
        }
        self._ledger.move("authorised", intent, intent["amount"])
        return self._keep(confirmed, "pi")

    def decline(self, intent: Object, error: Mapping[str, Any]) -> None:
        """Note that the card has declined to be authorised."""
        _refuse_unless(intent, CONFIRMABLE, "confirmed")
        declined = {"status": "requires_payment_method", "last_payment_error": dict(error)}
        self._keep({**intent, **declined}, "pi")

    def capture(self, intent: Object, form: Form) -> Object:
        """Take money that is authorised; what is not taken is let go of."""
        _refuse_unless(intent, ("requires_capture",), "captured")
        amount = _amount(form, "amount_to_capture", default=intent["amount_capturable"])
        if amount > intent["amount_capturable"]:
            raise wire.invalid("The amount is more than was authorised.", code="amount_too_large")
        self._ledger.move("captured", intent, amount)
        if rest := intent["amount_capturable"] - amount:
            self._ledger.move("released", intent, rest)
        captured = {"status": "succeeded", "amount_capturable": 0, "amount_received": amount}
        return self._keep({**intent, **captured}, "pi")

    def cancel(self, intent: Object) -> Object:
        """Let go of what was authorised; the intent is over."""
        _refuse_unless(intent, CANCELLABLE, "canceled")
        if intent["amount_capturable"]:
            self._ledger.move("released", intent, intent["amount_capturable"])
        return self._keep({**intent, "status": "canceled", "amount_capturable": 0}, "pi")

    def refund(self, intent: Object, form: Form) -> Object:
        """Give captured money back, all that is left unless an amount is named."""
        _refuse_unless(intent, ("succeeded",), "refunded")
        refunded = sum(one["amount"] for one in self._ledger.refunds_of(intent["id"]))
        left = intent["amount_received"] - refunded
        amount = _amount(form, default=left)
        if not left:
            raise wire.invalid("The charge has been refunded.", code="charge_already_refunded")
        if amount > left:
            raise wire.invalid("The amount is more than is left.", param="amount")
        self._ledger.move("refunded", intent, amount)
        refund = {
            "object": "refund",
            "amount": amount,
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "metadata": form.get("metadata", {}),
            "status": "succeeded",
        }
        return self._keep(refund, "re")

    def refunds(self, intent: str) -> Object:
        """Return the list of an intent's refunds, newest first."""
        found = self._ledger.refunds_of(intent)[::-1]
        return {"object": "list", "url": "/v1/refunds", "has_more": False, "data": found}

    def _keep(self, body: Object, prefix: str) -> Object:
        kept = {"id": f"{prefix}_{secrets.token_hex(12)}", "created": int(time.time()), **body}
        self._ledger.put(kept)
        return kept


def _refuse_unless(intent: Object, statuses: tuple[str, ...], what: str) -> None:
    if intent["status"] not in statuses:
        raise wire.invalid(
            f"This PaymentIntent could not be {what} because it has a status of "
            f"{intent['status']}.",
            code="payment_intent_unexpected_state",
            payment_intent=intent,
        )


def _text(form: Form, name: str) -> str:
    value = form.get(name)
    if not isinstance(value, str) or not value:
        raise wire.invalid(f"Missing required param: {name}.", param=name)
    return value


def _amount(form: Form, name: str = "amount", *, default: int | None = None) -> int:
    if name not in form and default is not None:
        return default
    text = _text(form, name)
    if not text.isdecimal() or not int(text):
        raise wire.invalid("This value must be greater than or equal to 1.", param=name)
    return int(text)
