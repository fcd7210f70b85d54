"""One pure function decides what becomes of a message whose handler failed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildrydes.errors import Discard, Reject, Retry, UnreadableMessageError, WorkerLostError
from wildrydes.retry import Dead, Decision, Drop, RetryAfter, RetryPolicy, decide, describe

POLICY = RetryPolicy(
    max_attempts=5,
    first=timedelta(seconds=1),
    cap=timedelta(seconds=10),
    gives_up_on=(LookupError,),
)


def decision(error: Exception, *, attempt: int = 1, jitter: float = 0.5) -> Decision:
    return decide(error=error, attempt=attempt, policy=POLICY, jitter=jitter)


@pytest.mark.parametrize(("attempt", "wait"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0)])
def test_the_wait_doubles(attempt: int, wait: float) -> None:
    assert decision(OSError(), attempt=attempt) == RetryAfter(timedelta(seconds=wait))


def test_the_last_attempt_is_the_end() -> None:
    end = decision(OSError("no route"), attempt=5)
    assert end == Dead("failed 5 times, the last with OSError: no route")


def test_an_error_that_is_not_worth_retrying_is_final_at_once() -> None:
    assert decision(KeyError("fare")) == Dead("not worth retrying: KeyError: 'fare'")


def test_a_verdict_of_the_handler_is_followed() -> None:
    assert decision(Reject("no such ride")) == Dead("rejected: no such ride")
    assert decision(Discard("cancelled")) == Drop("discarded: cancelled")
    assert decision(Retry(timedelta(hours=3))) == RetryAfter(timedelta(hours=3))


def test_a_handler_cannot_ask_for_ever() -> None:
    assert isinstance(decision(Retry(timedelta(hours=3)), attempt=5), Dead)


def test_what_cannot_be_read_or_kills_workers_is_dead_at_once() -> None:
    assert decision(UnreadableMessageError("no id")) == Dead("unreadable: no id")
    assert decision(WorkerLostError("2 workers died")) == Dead("2 workers died")


@given(
    attempt=st.integers(min_value=1, max_value=10_000),
    jitter=st.floats(min_value=0, max_value=1, exclude_max=True),
    most=st.integers(min_value=1, max_value=10_000),
)
def test_no_wait_is_longer_than_the_cap_and_attempts_are_bounded(
    attempt: int, jitter: float, most: int
) -> None:
    policy = RetryPolicy(max_attempts=most, cap=timedelta(minutes=5))
    found = decide(error=OSError(), attempt=attempt, policy=policy, jitter=jitter)
    if attempt >= most:
        assert isinstance(found, Dead)
    else:
        assert isinstance(found, RetryAfter)
        assert timedelta(0) <= found.wait <= timedelta(minutes=5)


def test_an_error_is_described_in_one_line() -> None:
    assert describe(ValueError("bad")) == "ValueError: bad"
    assert describe(ValueError()) == "ValueError"
