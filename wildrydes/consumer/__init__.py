"""Idempotent Receiver: a message that arrives twice takes effect once.

Guarantee: a handler's database effects and the receipt commit in one transaction, or neither
does; a message whose receipt is done is never handled again; one message that fails does not
fail the others of its batch.
Does not guarantee: that effects outside the database happen once. They carry a key derived from
the message, so that whoever receives them can tell.
Source: Hohpe and Woolf, Idempotent Receiver, Competing Consumers, Dead Letter Channel.
"""

from wildrydes.consumer.consuming import consume
from wildrydes.consumer.settling import Outcome

__all__ = ["Outcome", "consume"]
