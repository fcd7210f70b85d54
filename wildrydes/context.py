"""Correlation Identifier: what a piece of work belongs to, carried without being passed by hand.

The front door sets it for a request and the consumer for a message; `publish` reads it. So every
message that a request causes, at any distance, bears that request's correlation id.

Source: Hohpe and Woolf, Enterprise Integration Patterns; W3C Trace Context.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Context:
    """Where the current work comes from. Empty values mean: it starts here."""

    correlation_id: str = ""
    causation_id: UUID | None = None
    trace_parent: str = ""


_NOWHERE = Context()
_current: ContextVar[Context] = ContextVar("wildrydes_context", default=_NOWHERE)


def current() -> Context:
    """Return the context of the work at hand."""
    return _current.get()


@contextmanager
def working_for(context: Context) -> Iterator[None]:
    """Make `context` the current one until the block ends."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def child_trace_parent(trace_parent: str) -> str:
    """Return a W3C `traceparent` of the same trace with a span of its own; a new trace if none."""
    parts = trace_parent.split("-")
    trace_id = parts[1] if len(parts) == 4 and len(parts[1]) == 32 else secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"
