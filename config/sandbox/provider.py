"""One request of Stripe's protocol: who it is about, how that card behaves, what is answered."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from config.sandbox import control, wire
from config.sandbox.cards import Behaviour, Operation
from config.sandbox.ledger import Ledger
from config.sandbox.payments import Payments
from config.sandbox.wire import Answer

MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "refund_refused": "The refund was refused.",
}


@dataclass(frozen=True)
class Request:
    """A request that has been read and whose key is ours."""

    method: str
    path: str
    form: Mapping[str, Any]
    idempotency_key: str = ""


@dataclass(frozen=True)
class Outcome:
    """What goes back: an answer, so many times; nothing at all where that is zero."""

    answer: Answer
    times: int = 1


Handler = Callable[["Provider", Request, str], Mapping[str, Any]]


@dataclass(frozen=True)
class Route:
    """A path, who handles it, and which operation on money it is, if any."""

    method: str
    path: re.Pattern[str]
    handler: Handler
    operation: Operation | None = None


class Provider:
    """The provider behind the wire."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._payments = Payments(ledger)

    def answer(self, request: Request) -> Outcome:
        """Carry out one request, in the manner of the card that it is about."""
        set_ = control.shown(self._ledger)
        time.sleep(set_["latency"])
        if set_["down"]:
            return Outcome(_error(503, "The provider is down."))
        try:
            route, id_ = _route(request)
            behaviour, decline = self._behaviour(route, request, id_)
            return self._behave(behaviour, decline, route, request, id_, hang=set_["hang"])
        except wire.Refusal as refusal:
            return Outcome(refusal.answer)

    def _behave(
        self,
        behaviour: Behaviour,
        decline: str,
        route: Route,
        request: Request,
        id_: str,
        *,
        hang: float,
    ) -> Outcome:
        first = f"{behaviour} {route.operation} {id_ or request.form.get('payment_intent')}"
        match behaviour:
            case Behaviour.HANG:
                time.sleep(hang)
                return Outcome(_error(503, "Nothing was done."), times=0)
            case Behaviour.ERROR_FIRST if self._ledger.is_first(first):
                return Outcome(_error(500, "Something went wrong, and nothing was done."))
            case Behaviour.SLOW:
                time.sleep(control.SLOW_SECONDS)
        declines = decline if behaviour is Behaviour.DECLINE else ""
        answer = self._once(route, request, id_, declines=declines)
        if behaviour is Behaviour.SILENT and self._ledger.is_first(first):
            return Outcome(answer, times=0)
        return Outcome(answer, times=2 if behaviour is Behaviour.TWICE else 1)

    def _once(self, route: Route, request: Request, id_: str, *, declines: str) -> Answer:
        """Do what is asked, or answer as when it was asked before under the same key."""
        if request.method != "POST":
            return Answer(200, route.handler(self, request, id_))
        if not request.idempotency_key:
            with self._ledger.transaction():
                return self._carry_out(route, request, id_, declines=declines)
        mark = wire.fingerprint(request.method, request.path, request.form)
        with self._ledger.transaction():
            known = self._ledger.answer_to(request.idempotency_key)
            if known is None:
                answer = self._carry_out(route, request, id_, declines=declines)
                self._ledger.keep_answer(request.idempotency_key, mark, answer)
                return answer
        if known[0] != mark:
            raise wire.Refusal(
                400,
                "idempotency_error",
                "Keys for idempotent requests can only be used with the same parameters.",
            )
        return known[1]

    def _carry_out(self, route: Route, request: Request, id_: str, *, declines: str) -> Answer:
        try:
            if declines:
                return self._decline(route, id_, code=declines)
            return Answer(200, route.handler(self, request, id_))
        except wire.Refusal as refusal:
            return refusal.answer

    def _decline(self, route: Route, id_: str, *, code: str) -> Answer:
        message = MESSAGES.get(code, "Your card was declined.")
        error = {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": code,
            "message": message,
        }
        if route.operation is Operation.AUTHORISE:
            self._payments.decline(self._payments.find("payment_intent", id_), error)
        return Answer(402, {"error": error})

    def _behaviour(self, route: Route, request: Request, id_: str) -> tuple[Behaviour, str]:
        """Return how the card behaves at this operation, and with which code it declines."""
        if route.operation is None:
            return Behaviour.OK, ""
        id_ = id_ or str(request.form.get("payment_intent", ""))
        intent = self._payments.find("payment_intent", id_)
        token, card = self._payments.card_behind(intent["payment_method"])
        customer = intent["metadata"].get("customer", "")
        for rule in control.rules(self._ledger):
            if rule.covers(token=token, customer=customer, operation=route.operation):
                return rule.behaviour, rule.decline
        return card.behaviours.get(route.operation, Behaviour.OK), card.decline

    def create_customer(self, request: Request, id_: str) -> Mapping[str, Any]:
        """POST /v1/customers"""
        return self._payments.create_customer(request.form)

    def attach(self, request: Request, id_: str) -> Mapping[str, Any]:
        """POST /v1/payment_methods/{id}/attach"""
        return self._payments.attach(id_, request.form)

    def detach(self, request: Request, id_: str) -> Mapping[str, Any]:
        """POST /v1/payment_methods/{id}/detach"""
        return self._payments.detach(id_)

    def create_intent(self, request: Request, id_: str) -> Mapping[str, Any]:
        """POST /v1/payment_intents"""
        return self._payments.create_intent(request.form)

    def retrieve_intent(self, request: Request, id_: str) -> Mapping[str, Any]:
        """GET /v1/payment_intents/{id}"""
        return self._payments.find("payment_intent", id_)

    def confirm(self, request: Request, id_: str) -> Mapping[str, Any]:
        """POST /v1/payment_intents/{id}/confirm"""
        return self._payments.confirm(self._payments.find("payment_intent", id_))

    def capture(self, request: Request, id_: str) -> Mapping[str, Any]:
        """POST /v1/payment_intents/{id}/capture"""
        return self._payments.capture(self._payments.find("payment_intent", id_), request.form)

    def cancel(self, request: Request, id_: str) -> Mapping[str, Any]:
        """POST /v1/payment_intents/{id}/cancel"""
        return self._payments.cancel(self._payments.find("payment_intent", id_))

    def refund(self, request: Request, id_: str) -> Mapping[str, Any]:
        """POST /v1/refunds"""
        intent = self._payments.find("payment_intent", str(request.form.get("payment_intent")))
        return self._payments.refund(intent, request.form)

    def list_refunds(self, request: Request, id_: str) -> Mapping[str, Any]:
        """GET /v1/refunds"""
        return self._payments.refunds(str(request.form.get("payment_intent", "")))


def _at(method: str, path: str, handler: Handler, operation: Operation | None = None) -> Route:
    pattern = re.compile(path.replace("{id}", r"(?P<id>\w+)"))
    return Route(method, pattern, handler, operation)


INTENT = "/v1/payment_intents/{id}"
ROUTES = (
    _at("POST", "/v1/customers", Provider.create_customer),
    _at("POST", "/v1/payment_methods/{id}/attach", Provider.attach),
    _at("POST", "/v1/payment_methods/{id}/detach", Provider.detach),
    _at("POST", "/v1/payment_intents", Provider.create_intent),
    _at("GET", INTENT, Provider.retrieve_intent),
    _at("POST", f"{INTENT}/confirm", Provider.confirm, Operation.AUTHORISE),
    _at("POST", f"{INTENT}/capture", Provider.capture, Operation.CAPTURE),
    _at("POST", f"{INTENT}/cancel", Provider.cancel, Operation.RELEASE),
    _at("POST", "/v1/refunds", Provider.refund, Operation.REFUND),
    _at("GET", "/v1/refunds", Provider.list_refunds),
)


def _route(request: Request) -> tuple[Route, str]:
    for route in ROUTES:
        match = route.path.fullmatch(request.path)
        if match and route.method == request.method:
            return route, match.groupdict().get("id", "")
    raise wire.invalid(f"Unrecognized request URL ({request.method}: {request.path}).", status=404)


def _error(status: int, message: str) -> Answer:
    return Answer(status, {"error": {"type": "api_error", "message": message}})
