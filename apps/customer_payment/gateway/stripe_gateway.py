"""The adapter: our words in, Stripe's official client, our words out.

Every call is made once: whether and when it is made again is the kernel's decision, under the same
idempotency key. A provider that keeps silent is waited for `STRIPE_TIMEOUT`, not longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
import stripe
from django.conf import settings

from apps.customer_payment.gateway import amounts
from apps.customer_payment.gateway.port import (
    AttachedCard,
    DeclinedError,
    Gateway,
    GatewayError,
    Intent,
    Refund,
    State,
    UnknownOutcomeError,
    Wanted,
)

stripe.enable_telemetry = False  # else it writes a file into the home directory, and tells

CONNECT_SECONDS = 3.0
CONNECTIONS = 10
LOOPBACK = ("127.0.0.1", "localhost", "::1")
STATES = {
    "requires_confirmation": State.OPEN,
    "requires_payment_method": State.DECLINED,
    "requires_capture": State.AUTHORISED,
    "succeeded": State.CAPTURED,
    "canceled": State.CANCELLED,
}
NO_ANSWER = (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError)
OVER = ("failed", "canceled")


class StripeGateway:
    """Stripe, or what speaks like it. See `Gateway`."""

    def __init__(self, *, api_base: str, key: str, timeout: timedelta) -> None:
        self._session = _session(api_base)
        waits = (CONNECT_SECONDS, timeout.total_seconds())
        self._v1 = stripe.StripeClient(
            key,
            base_addresses={"api": api_base},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=waits, session=self._session),
        ).v1

    def close(self) -> None:
        """Close the connections to the provider."""
        self._session.close()

    def open(self, wanted: Wanted, *, key: str) -> Intent:
        """Open an intent."""
        params: Any = {
            "amount": _units(wanted.amount, wanted.currency),
            "currency": wanted.currency.lower(),
            "capture_method": "manual",
            "payment_method": wanted.token,
            "payment_method_types": ["card"],
            "description": wanted.description,
            "metadata": {"reference": wanted.reference, "customer": wanted.customer},
        }
        if wanted.provider_customer:
            params["customer"] = wanted.provider_customer
        return self._intent(lambda: self._v1.payment_intents.create(params, _under(key)))

    def find(self, intent: str) -> Intent:
        """Return how an intent stands."""
        return self._intent(lambda: self._v1.payment_intents.retrieve(intent))

    def confirm(self, intent: str, *, key: str) -> Intent:
        """Have the card authorise the amount."""
        params: Any = {"off_session": True}
        return self._intent(lambda: self._v1.payment_intents.confirm(intent, params, _under(key)))

    def capture(self, intent: str, *, key: str) -> Intent:
        """Take what is authorised."""
        return self._intent(lambda: self._v1.payment_intents.capture(intent, {}, _under(key)))

    def cancel(self, intent: str, *, key: str) -> Intent:
        """Let go of what is authorised, and end the intent."""
        return self._intent(lambda: self._v1.payment_intents.cancel(intent, {}, _under(key)))

    def refund(self, intent: Intent, *, amount: Decimal, key: str) -> Refund:
        """Give back an amount of what was captured."""
        params: Any = {
            "payment_intent": intent.id,
            "amount": _units(amount, intent.currency),
            "metadata": {"key": key},
        }
        with _our_errors():
            made = self._v1.refunds.create(params, _under(key))
        if made.status in OVER:
            raise DeclinedError(f"the refund was refused ({made.failure_reason})")
        return _refund(made)

    def refunds(self, intent: Intent) -> Sequence[Refund]:
        """Return what was given back."""
        with _our_errors():
            found = self._v1.refunds.list({"payment_intent": intent.id, "limit": 100})
            return [_refund(item) for item in found.auto_paging_iter() if item.status not in OVER]

    def attach(self, token: str, *, customer: str, provider_customer: str) -> AttachedCard:
        """Keep a card for a customer, who is opened if the provider does not know them."""
        with _our_errors():
            owner = provider_customer or self._open_customer(customer)
            kept = self._v1.payment_methods.attach(token, {"customer": owner})
        if kept.card is None:
            raise DeclinedError("this is not a card")
        return AttachedCard(
            token=kept.id,
            provider_customer=owner,
            brand=str(kept.card.brand),
            last4=str(kept.card.last4),
        )

    def detach(self, token: str) -> None:
        """Keep a card no longer; one that is not kept is no error."""
        try:
            with _our_errors():
                self._v1.payment_methods.detach(token)
        except DeclinedError:
            return

    def _open_customer(self, customer: str) -> str:
        params: Any = {"metadata": {"customer": customer}}
        return self._v1.customers.create(params, _under(f"customer/{customer}")).id

    @staticmethod
    def _intent(ask: Callable[[], stripe.PaymentIntent]) -> Intent:
        with _our_errors():
            found = ask()
        state = STATES.get(found.status)
        if state is None:
            raise UnknownOutcomeError(f"{found.id} is {found.status}")
        if state is State.DECLINED and found.last_payment_error is None:
            state = State.OPEN
        return Intent(
            id=found.id,
            state=state,
            amount=amounts.from_units(found.amount, currency=found.currency),
            captured=amounts.from_units(found.amount_received, currency=found.currency),
            currency=found.currency,
            reason=_why(found.last_payment_error) if state is State.DECLINED else "",
        )


def current() -> Gateway:
    """Return the gateway to the provider that the settings name."""
    return _gateway(settings.STRIPE_API_BASE, settings.STRIPE_SECRET_KEY, settings.STRIPE_TIMEOUT)


@cache
def _gateway(api_base: str, key: str, timeout: timedelta) -> StripeGateway:
    return StripeGateway(api_base=api_base, key=key, timeout=timeout)


def _session(api_base: str) -> requests.Session:
    """Return a session for all threads; what is on this machine is not asked through a proxy.

    A connection serves one request: on one that is kept, an answer that comes twice could be taken
    for the answer to the next request, which is about another payment.
    """
    session = requests.Session()
    session.headers["Connection"] = "close"
    session.trust_env = urlsplit(api_base).hostname not in LOOPBACK
    session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS))
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS))
    return session


def _units(amount: Decimal, currency: str) -> int:
    """Return the amount as the provider counts it; one that it cannot count will never be paid."""
    try:
        return amounts.to_units(amount, currency=currency)
    except ValueError as error:
        raise DeclinedError(str(error)) from None


def _under(key: str) -> Any:
    return {"idempotency_key": key}


def _refund(made: stripe.Refund) -> Refund:
    return Refund(
        id=made.id,
        amount=amounts.from_units(made.amount, currency=made.currency),
        key=made.to_dict().get("metadata", {}).get("key", ""),
    )


@contextmanager
def _our_errors() -> Iterator[None]:
    """Turn Stripe's errors into the port's; their text never holds more than the provider said."""
    try:
        yield
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        raise DeclinedError(_why(error.error) if error.error else str(error)) from None
    except (stripe.IdempotencyError, stripe.AuthenticationError, stripe.PermissionError) as error:
        raise GatewayError(f"{type(error).__name__}: {error.user_message}") from None
    except NO_ANSWER as error:
        cause = error.__cause__ or error
        raise UnknownOutcomeError(f"{type(cause).__name__}, status {error.http_status}") from None
    except stripe.StripeError as error:
        raise GatewayError(f"{type(error).__name__}: {error.user_message}") from None


def _why(error: Any) -> str:
    """Return why the provider says no: its sentence and its code."""
    said = error.to_dict()
    code = said.get("decline_code") or said.get("code") or "no code"
    message = str(said.get("message") or "the provider refused").rstrip(".")
    return f"{message[:1].lower()}{message[1:]} ({code})"[:500]
