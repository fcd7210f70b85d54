"""Retry: one pure function decides what becomes of a message whose handler failed.

Guarantee: the same failure, attempt, policy and jitter give the same decision; attempts are
bounded, and so is every wait.
Does not guarantee: that an attempt is counted when the worker dies before it can say so; that is
what the attempts on a dispatch are for.
Source: Hohpe and Woolf, Dead Letter Channel; Brooker, Exponential Backoff and Jitter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from wildrydes.errors import UnreadableMessageError


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often, and how far apart. The wait before attempt n+1 is at most `first * 2**(n-1)`."""

    max_attempts: int = 8
    first: timedelta = timedelta(seconds=1)
    cap: timedelta = timedelta(minutes=5)


@dataclass(frozen=True)
class RetryAfter:
    """Try again when `wait` has passed."""

    wait: timedelta


@dataclass(frozen=True)
class Dead:
    """Put the message aside for a person, with the reason."""

    reason: str


Decision = RetryAfter | Dead


def decide(*, error: Exception, attempt: int, policy: RetryPolicy, jitter: float) -> Decision:
    """Decide about attempt number `attempt` (from 1), which ended in `error`.

    `jitter` is a random number in [0, 1): the share of the full backoff that is waited, so that
    messages which failed together do not come back together.
    """
    if isinstance(error, UnreadableMessageError):
        return Dead(reason=f"unreadable: {error}")
    if attempt >= policy.max_attempts:
        return Dead(reason=f"failed {attempt} times, the last with {describe(error)}")
    doublings = min(attempt - 1, 62)
    full = min(policy.cap.total_seconds(), policy.first.total_seconds() * 2.0**doublings)
    return RetryAfter(wait=timedelta(seconds=full * jitter))


def describe(error: BaseException) -> str:
    """Return the error as one line: its type and text."""
    return f"{type(error).__name__}: {error}".strip().rstrip(":")
