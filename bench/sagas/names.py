"""The five steps, on every side, and what each leaves. Plain data."""

from __future__ import annotations

from collections.abc import Mapping

STEPS = ("register", "authorise", "capture", "credit", "close")
PIVOT = "capture"

SAGA = "sagas.collect"
ORCHESTRATOR = "sagas.advance"
ANSWERED = "v1.bench-step.answered"

INPUT: Mapping[str, str] = {"customer": "cmr", "amount": "256.50"}


def command_of(step: str) -> str:
    """Return the type of the command that asks for a step."""
    return f"v1.bench-step.{step}"


def undo_of(step: str) -> str:
    """Return the type of the command that undoes a step."""
    return f"v1.bench-step.undo-{step}"


def doer_of(step: str) -> str:
    """Return the name of the subscription that does a step."""
    return f"sagas.{step}"


def undoer_of(step: str) -> str:
    """Return the name of the subscription that undoes a step."""
    return f"sagas.undo_{step}"


def queue_of(step: str) -> str:
    """Return the queue that is the step's own."""
    return f"sagas.{step}"
