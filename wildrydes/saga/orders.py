"""What a person may have done to a saga, and what makes no sense in its state. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from wildrydes.saga.happenings import Action, Ordered
from wildrydes.saga.progress import UNRESOLVED, Progress
from wildrydes.saga.state import StepState


def carry_out(progress: Progress, order: Ordered) -> str:
    """Carry out an order; say why not when it makes no sense, and then nothing is changed."""
    if not order.reason.strip():
        return "say why: it is kept in the history"
    if progress.state.is_ended:
        return f"it has ended: {progress.state.status}"
    return _ACTIONS[order.action](progress, order)


def _retry(progress: Progress, order: Ordered) -> str:
    if progress.state.status != "stuck":
        return f"it is not stuck: it is {progress.state.status}"
    _note(progress, order)
    for name, step in list(progress.state.steps.items()):
        if step.status == "stuck" or _hangs(progress, step):
            progress.send_again(name, attempt=1)
    return ""


def _skip(progress: Progress, order: Ordered) -> str:
    if refused := _refuse_step(progress, order):
        return refused
    _note(progress, order)
    progress.note("skipped", order.step, reason=order.reason, actor=order.by)
    return ""


def _supply(progress: Progress, order: Ordered) -> str:
    if refused := _refuse_step(progress, order):
        return refused
    _note(progress, order)
    step = progress.state.steps[order.step]
    is_undone = progress.state.is_turned and step.status != "running"
    progress.note(
        "compensated" if is_undone else "succeeded",
        order.step,
        data=order.result,
        reason=order.reason,
        actor=order.by,
    )
    return ""


def _force_forward(progress: Progress, order: Ordered) -> str:
    """Turn it forward, unless an undoing that is on its way would be carried out all the same.

    An undoing that is stuck is no obstacle, also where nobody knows what it has come to: its last
    command was answered, or has expired and is not begun any more.
    """
    if not progress.state.is_turned:
        return "it goes forward already; retry, skip or supply what it waits for"
    if step := progress.being_undone:
        return f"step {step!r} is being undone: wait for what it comes to"
    _note(progress, order)
    progress.note("turned_forward", reason=order.reason, actor=order.by)
    return ""


def _force_back(progress: Progress, order: Ordered) -> str:
    if progress.state.is_turned:
        return "it goes back already"
    if progress.is_past_pivot and (step := progress.beyond_undoing):
        return _why_not_undone(progress, step)
    _turn_round(progress, order, kind="operator")
    return ""


def _why_not_undone(progress: Progress, step: str) -> str:
    if progress.state.steps[step].message is not None:
        return f"step {step!r} is under way and could not be undone: wait for what it comes to"
    return (
        f"step {step!r} may have been done and could not be undone: "
        "retry until it is known, or supply or skip what it has come to"
    )


def _cancel(progress: Progress, order: Ordered) -> str:
    if progress.state.is_turned:
        return "it goes back already"
    if progress.is_past_pivot:
        return f"it is past its pivot, {progress.definition.pivot}: it can only be forced back"
    _turn_round(progress, order, kind="cancelled")
    return ""


def _turn_round(progress: Progress, order: Ordered, *, kind: str) -> None:
    stuck = progress.state.stuck_step
    _note(progress, order, kind=kind)
    progress.give_up_hops("failed", f"given up by {order.by}: {order.reason}")
    progress.turn_back(stuck, order.reason)


def _refuse_step(progress: Progress, order: Ordered) -> str:
    if order.step not in progress.definition.by_name:
        return f"it has no step {order.step!r}"
    step = progress.state.steps.get(order.step)
    if step is None:
        return f"step {order.step!r} was not begun"
    is_held_up = step.status in ("stuck", "running", "compensating")
    if not is_held_up and not _hangs(progress, step):
        return f"step {order.step!r} is {step.status}: nothing waits for it"
    return ""


def _hangs(progress: Progress, step: StepState) -> bool:
    """Say whether a step stands where nothing would ever take it further."""
    if step.message is not None:
        return False
    if progress.state.is_turned:
        return step.status == "compensating"
    return step.status in UNRESOLVED


def _note(progress: Progress, order: Ordered, *, kind: str = "operator") -> None:
    note = partial(progress.note, "cancelled" if kind == "cancelled" else "operator")
    note(order.step, data={"action": order.action}, reason=order.reason, actor=order.by)


_ACTIONS: Mapping[Action, Callable[[Progress, Ordered], str]] = {
    "retry": _retry,
    "skip": _skip,
    "supply": _supply,
    "force_forward": _force_forward,
    "force_back": _force_back,
    "cancel": _cancel,
}
