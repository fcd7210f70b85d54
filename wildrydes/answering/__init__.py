"""Answers: what a responder says to a request, kept on its receipt, carried back to who asked.

Scatter-gather asks many and gathers; a saga asks one after the other. The responder's side is the
same for both, and so is the way back.

Guarantee: a request that arrives again is answered with the same words.
Does not guarantee: that an answer comes; whoever asks keeps a deadline.
Source: Hohpe and Woolf, Request-Reply, Return Address.
"""

from wildrydes.answering.answer import Answer, answered, declined
from wildrydes.answering.responding import Reply, answers, reply, reply_each

__all__ = ["Answer", "Reply", "answered", "answers", "declined", "reply", "reply_each"]
