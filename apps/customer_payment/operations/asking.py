"""Ask the provider several things at once, in threads that touch no database.

Whoever got no answer in a batch is not waited for again when the batch is taken apart right after:
a provider that hangs would otherwise hold the worker once for the batch and once for each message.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from apps.customer_payment.gateway import UnknownOutcomeError
from wildrydes import crashpoints

Said = TypeVar("Said")

AT_ONCE = 10
JUST_NOW_SECONDS = 60.0

_silent: dict[str, float] = {}


def ask_all(questions: Mapping[str, Callable[[], Said]]) -> dict[str, Said]:
    """Return what the provider says to each question, by its key.

    Raises what one of them raised, after all have ended.
    """
    if not questions:
        return {}
    crashpoints.reach("outside.before")
    said = _alone(questions) if len(questions) == 1 else _together(questions)
    crashpoints.reach("outside.after")
    return said


def _alone(questions: Mapping[str, Callable[[], Said]]) -> dict[str, Said]:
    ((key, question),) = questions.items()
    since = time.monotonic() - _silent.pop(key, -JUST_NOW_SECONDS)
    if since < JUST_NOW_SECONDS:
        raise UnknownOutcomeError("the provider did not answer when it was asked with others")
    return {key: question()}


def _together(questions: Mapping[str, Callable[[], Said]]) -> dict[str, Said]:
    asked = {key: _threads(os.getpid()).submit(question) for key, question in questions.items()}
    errors = {key: error for key, future in asked.items() if (error := future.exception())}
    for key, error in errors.items():
        if isinstance(error, UnknownOutcomeError):
            _silent[key] = time.monotonic()
    for error in errors.values():
        raise error
    return {key: _result(future) for key, future in asked.items()}


def _result(future: Future[Said]) -> Said:
    return future.result()


@cache
def _threads(pid: int) -> ThreadPoolExecutor:
    """Return this process's threads; those of a parent do not survive a fork."""
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="provider")
