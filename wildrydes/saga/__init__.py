"""Saga: a long piece of work in steps, each of which can be undone, that ends one way or the other.

Guarantee: a saga that was started ends completed, compensated, or stuck and saying so. It is a row
with a history that only grows; whatever is lost on the way is sent again, with the same words.
Does not guarantee: isolation. What a step has done is seen by others before the saga has ended.
Source: Garcia-Molina and Salem, Sagas; Hohpe and Woolf, Process Manager.
"""

from wildrydes.answering import Answer, Reply, answered, answers, declined, reply, reply_each
from wildrydes.saga.definition import (
    BACK,
    FORWARD,
    Definition,
    Facts,
    Parallel,
    Step,
    define,
    defined,
    definitions,
)
from wildrydes.saga.operating import (
    SagaError,
    cancel,
    force_back,
    force_forward,
    retry,
    skip,
    supply,
)
from wildrydes.saga.receiving import orchestrates
from wildrydes.saga.starting import Start, start, start_all
from wildrydes.saga.waking import wake_due

__all__ = [
    "BACK",
    "FORWARD",
    "Answer",
    "Definition",
    "Facts",
    "Parallel",
    "Reply",
    "SagaError",
    "Start",
    "Step",
    "answered",
    "answers",
    "cancel",
    "declined",
    "define",
    "defined",
    "definitions",
    "force_back",
    "force_forward",
    "orchestrates",
    "reply",
    "reply_each",
    "retry",
    "skip",
    "start",
    "start_all",
    "supply",
    "wake_due",
]
