"""The test tokens: which card stands behind each, and how it behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Operation(StrEnum):
    """What is asked of the provider, as far as money is concerned."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    RELEASE = "release"
    REFUND = "refund"


class Behaviour(StrEnum):
    """What the provider does with an operation.

    `HANG` does nothing and keeps silent for long; `SILENT` does it and, the first time, says
    nothing; `ERROR_FIRST` does nothing and answers 500 the first time; `TWICE` answers twice.
    """

    OK = "ok"
    DECLINE = "decline"
    HANG = "hang"
    SILENT = "silent"
    ERROR_FIRST = "500then200"
    TWICE = "twice"
    SLOW = "slow"


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card behind a token. `decline` is the code with which it declines."""

    brand: str = "visa"
    last4: str = "4242"
    behaviours: Mapping[Operation, Behaviour] = field(default_factory=dict)
    decline: str = "generic_decline"


def _always(behaviour: Behaviour) -> Mapping[Operation, Behaviour]:
    return dict.fromkeys(Operation, behaviour)


CARDS: Mapping[str, Card] = {
    "pm_card_visa": Card(),
    "pm_card_mastercard": Card(brand="mastercard", last4="4444"),
    "pm_card_chargeDeclined": Card(
        last4="0002", behaviours={Operation.AUTHORISE: Behaviour.DECLINE}
    ),
    "pm_card_chargeDeclinedInsufficientFunds": Card(
        last4="9995",
        behaviours={Operation.AUTHORISE: Behaviour.DECLINE},
        decline="insufficient_funds",
    ),
    "pm_sandbox_captureDeclined": Card(
        last4="0341", behaviours={Operation.CAPTURE: Behaviour.DECLINE}
    ),
    "pm_sandbox_refundFails": Card(
        last4="5126", behaviours={Operation.REFUND: Behaviour.DECLINE}, decline="refund_refused"
    ),
    "pm_sandbox_timeout": Card(last4="0408", behaviours={Operation.AUTHORISE: Behaviour.HANG}),
    "pm_sandbox_silent": Card(last4="0499", behaviours=_always(Behaviour.SILENT)),
    "pm_sandbox_500then200": Card(last4="0500", behaviours=_always(Behaviour.ERROR_FIRST)),
    "pm_sandbox_answersTwice": Card(last4="0022", behaviours=_always(Behaviour.TWICE)),
    "pm_sandbox_slow": Card(last4="0002", behaviours=_always(Behaviour.SLOW)),
}
