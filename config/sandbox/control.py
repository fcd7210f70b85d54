"""How the sandbox is told to misbehave, and what it shows of its books."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from config.sandbox import wire
from config.sandbox.cards import Behaviour, Operation
from config.sandbox.ledger import Ledger

SETTINGS: Mapping[str, Any] = {"down": False, "latency": 0.0, "hang": 30.0, "rules": []}
SLOW_SECONDS = 2.0
MOST_MOVEMENTS = 1_000_000


@dataclass(frozen=True)
class Rule:
    """From now on this token or customer behaves so, at one operation or at all of them."""

    behaviour: Behaviour
    token: str = ""
    customer: str = ""
    operation: str = ""
    decline: str = "generic_decline"

    def covers(self, *, token: str, customer: str, operation: Operation) -> bool:
        """Say whether the rule is for this operation."""
        return (
            self.token in ("", token)
            and self.customer in ("", customer)
            and self.operation in ("", operation)
        )


def shown(ledger: Ledger) -> dict[str, Any]:
    """Return what is set."""
    return {**SETTINGS, **ledger.settings()}


def change(ledger: Ledger, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Set what is given: `down`, `latency` and `hang` in seconds, `rules` (all of them anew)."""
    for name, value in wanted.items():
        if name not in SETTINGS:
            raise wire.invalid(f"There is no setting {name!r}.", param=name)
        _refuse_unfit(name, value)
    for name, value in wanted.items():
        ledger.set(name, value)
    return shown(ledger)


def rules(ledger: Ledger) -> list[Rule]:
    """Return the rules; the first that covers an operation holds."""
    return [_rule(item) for item in shown(ledger)["rules"]]


def books(ledger: Ledger, *, reference: str = "", after: int = 0) -> dict[str, Any]:
    """Return the movements, the sums over all of them, and what is held and taken in the end."""
    found = ledger.movements(reference=reference, after=after, limit=MOST_MOVEMENTS)
    totals: dict[str, int] = {}
    counts: dict[str, int] = {}
    for kind, _, count, amount in ledger.sums():
        totals[kind] = totals.get(kind, 0) + amount
        counts[kind] = counts.get(kind, 0) + count
    return {
        "movements": [{**item, "amount": _money(item["amount"])} for item in found],
        "sums": {kind: _money(amount) for kind, amount in totals.items()},
        "counts": counts,
    }


def _refuse_unfit(name: str, value: Any) -> None:
    if name == "rules":
        if not isinstance(value, list):
            raise wire.invalid("The rules are a list.", param=name)
        for item in value:
            _rule(item)
    elif name == "down":
        if not isinstance(value, bool):
            raise wire.invalid("This is true or false.", param=name)
    elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise wire.invalid("This is a number of seconds.", param=name)


def _rule(item: Any) -> Rule:
    try:
        operation = Operation(item["operation"]) if item.get("operation") else ""
        behaviour = Behaviour(item["behaviour"])
        return Rule(**{**item, "behaviour": behaviour, "operation": operation})
    except (KeyError, TypeError, ValueError) as error:
        raise wire.invalid(f"not a rule: {error!r}", param="rules") from None


def _money(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"
