"""Scatter-Gather: one question goes to many, and what they say within a time becomes one answer.

Guarantee: a scatter that was committed ends exactly once, by its rule or by its deadline at the
latest, whoever keeps silent, and its aggregate's event is published in the transaction that ends
it. Each responder counts once; what comes later is kept, marked as late, and never counted.
Does not guarantee: that a responder did nothing because it is shown as timed out.
Source: Hohpe and Woolf, Scatter-Gather, Aggregator, Recipient List, Return Address.
"""

from wildrydes.answering import Answer, Reply, answered, answers, declined, reply, reply_each
from wildrydes.scatter_gather.aggregates import Aggregate, Check
from wildrydes.scatter_gather.asking import ask
from wildrydes.scatter_gather.closing import close
from wildrydes.scatter_gather.receiving import gathers
from wildrydes.scatter_gather.recording import (
    AlreadyAnsweredError,
    NotAskedError,
    ScatterError,
    UnknownScatterError,
    record,
)
from wildrydes.scatter_gather.rows import Entry, Question
from wildrydes.scatter_gather.rules import ALL, DEADLINE, First, Quorum, Rule

__all__ = [
    "ALL",
    "DEADLINE",
    "Aggregate",
    "AlreadyAnsweredError",
    "Answer",
    "Check",
    "Entry",
    "First",
    "NotAskedError",
    "Question",
    "Quorum",
    "Reply",
    "Rule",
    "ScatterError",
    "UnknownScatterError",
    "answered",
    "answers",
    "ask",
    "close",
    "declined",
    "gathers",
    "record",
    "reply",
    "reply_each",
]
