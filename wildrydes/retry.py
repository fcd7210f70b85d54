"""Retry: one pure function decides what becomes of a message whose handler failed.

Guarantee: the same failure, attempt, policy and jitter give the same decision; attempts are
bounded, and so is every wait that the policy chooses.
Does not guarantee: that an attempt is counted when the worker dies before it can say so; from the
third delivery on each message is counted before it is begun.
Source: Hohpe and Woolf, Dead Letter Channel; Brooker, Exponential Backoff and Jitter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from wildrydes.errors import Discard, Reject, Retry, UnreadableMessageError, WorkerLostError


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often, how far apart, and for which errors not at all.

    The wait before attempt n+1 is random, at most `first * 2**(n-1)` and at most `cap`. An error
    of a class in `gives_up_on` is final at once.
    """

    max_attempts: int = 8
    first: timedelta = timedelta(seconds=1)
    cap: timedelta = timedelta(minutes=5)
    gives_up_on: tuple[type[Exception], ...] = ()


@dataclass(frozen=True)
class RetryAfter:
    """Try again when `wait` has passed."""

    wait: timedelta


@dataclass(frozen=True)
class Dead:
    """Put the message aside for a person, with the reason."""

    reason: str


@dataclass(frozen=True)
class Drop:
    """Let go of the message, with the reason."""

    reason: str


Decision = RetryAfter | Dead | Drop


def decide(*, error: Exception, attempt: int, policy: RetryPolicy, jitter: float) -> Decision:
    """Decide about attempt number `attempt` (from 1), which ended in `error`.

    `jitter` is a random number in [0, 1): the share of the full backoff that is waited, so that
    messages which failed together do not come back together.
    """
    match error:
        case Discard():
            return Drop(reason=f"discarded: {error}")
        case Reject():
            return Dead(reason=f"rejected: {error}")
        case UnreadableMessageError():
            return Dead(reason=f"unreadable: {error}")
        case WorkerLostError():
            return Dead(reason=str(error))
    if isinstance(error, policy.gives_up_on):
        return Dead(reason=f"not worth retrying: {describe(error)}")
    if attempt >= policy.max_attempts:
        return Dead(reason=f"failed {attempt} times, the last with {describe(error)}")
    if isinstance(error, Retry):
        return RetryAfter(wait=error.after)
    return RetryAfter(wait=backoff(attempt, policy) * jitter)


def describe(error: BaseException) -> str:
    """Return the error as one line: its type and text."""
    return f"{type(error).__name__}: {error}".strip().rstrip(":")


def backoff(attempt: int, policy: RetryPolicy) -> timedelta:
    """Return the longest wait between attempt number `attempt` and the next."""
    doublings = min(attempt - 1, 62)
    seconds = min(policy.cap.total_seconds(), policy.first.total_seconds() * 2.0**doublings)
    return timedelta(seconds=seconds)
