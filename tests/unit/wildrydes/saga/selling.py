"""A saga for tests of what is shown and said of sagas: three steps before a pivot, two after it."""

from __future__ import annotations

from datetime import timedelta

from wildrydes.outgoing import Body, Plain
from wildrydes.retry import RetryPolicy
from wildrydes.saga.definition import BACK, Command, Definition, Facts, Parallel, Step

TWICE = RetryPolicy(max_attempts=2, first=timedelta(seconds=10), cap=timedelta(seconds=10))


def ask(what: str) -> Command:
    """Return what makes a command of this name from the facts."""

    def command(facts: Facts) -> Body:
        return Plain(f"v1.shop.{what}", {"order": facts.key, **facts.input})

    return command


def refund(facts: Facts) -> Body:
    """Give back what was taken."""
    return Plain("v1.shop.refund", {"payment": facts.results.get("charge", {}).get("payment")})


def tell_staff(facts: Facts) -> Body:
    """Say who waits for a person, and why."""
    return Plain("v1.shop.stuck", {"step": facts.failed_step, "reason": facts.reason})


SELL = Definition(
    name="shop.sell",
    orchestrator="shop.advance",
    timeout=timedelta(hours=1),
    steps=(
        Parallel(
            Step("reserve", ask("reserve"), ask("unreserve"), retry=TWICE),
            Step("pack", ask("pack"), ask("unpack"), retry=TWICE),
        ),
        Step("look", ask("look"), needs_no_compensation="it only reads", retry=TWICE),
        Step(
            "charge",
            ask("charge"),
            refund,
            retry=TWICE,
            timeout=timedelta(minutes=1),
            pivot=True,
        ),
        Step("send", ask("send"), ask("call-back"), retry=TWICE, refusal=BACK),
        Step(
            "wrap",
            ask("wrap"),
            needs_no_compensation="paper is cheap",
            when=lambda facts: bool(facts.input.get("gift")),
        ),
    ),
    stuck=tell_staff,
)
