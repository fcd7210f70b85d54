"""What a person does to a saga. Each is one transaction, on record twice: here and for audits.

All of them raise `SagaError`, with the reason in its text, when it makes no sense in the saga's
state; then nothing has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from wildrydes.answering.answer import Answer, refuse_unfit
from wildrydes.errors import WildRydesError
from wildrydes.models import OperatorAction
from wildrydes.saga import advancing, definition, rows
from wildrydes.saga.deciding import decide
from wildrydes.saga.happenings import Action, Ordered


class SagaError(WildRydesError):
    """A saga cannot be treated as was asked; the text says why. Nothing was changed."""


def retry(saga_id: UUID, *, by: str, reason: str) -> None:
    """Let a stuck saga try again where it is stuck, with all the attempts of the policy."""
    _order(saga_id, Ordered(action="retry", by=by, reason=reason))


def skip(saga_id: UUID, *, step: str, by: str, reason: str) -> None:
    """Let a saga go on without a step, or without undoing it, that it waits for."""
    _order(saga_id, Ordered(action="skip", by=by, reason=reason, step=step))


def supply(saga_id: UUID, *, step: str, result: Mapping[str, Any], by: str, reason: str) -> None:
    """Say what a step has come to, in the place of its participant. A JSON object."""
    try:
        refuse_unfit(Answer("answered", result))
    except (ValueError, TypeError) as error:
        raise SagaError(f"the result cannot be kept: {error}") from error
    given = orjson.loads(orjson.dumps(dict(result)))
    _order(saga_id, Ordered(action="supply", by=by, reason=reason, step=step, result=given))


def force_forward(saga_id: UUID, *, by: str, reason: str) -> None:
    """Let a saga that goes back go forward again; what was undone is asked for anew.

    Refused while the undoing of a step is on its way: it would be carried out all the same. Where
    it is stuck, dead letters of its commands that have not expired are to be discarded first.
    """
    _order(saga_id, Ordered(action="force_forward", by=by, reason=reason))


def force_back(saga_id: UUID, *, by: str, reason: str) -> None:
    """Let a saga turn round, also after its pivot.

    Refused there while a step is, or may have been, done that could not be undone.
    """
    _order(saga_id, Ordered(action="force_back", by=by, reason=reason))


def cancel(saga_id: UUID, *, by: str, reason: str) -> None:
    """Let a saga turn round that has not passed its pivot."""
    _order(saga_id, Ordered(action="cancel", by=by, reason=reason))


def _order(saga_id: UUID, order: Ordered) -> None:
    with transaction.atomic():
        locked = rows.lock([saga_id])
        if not locked:
            raise SagaError(f"there is no saga {saga_id}")
        (row,) = locked
        known = definition.find(row.definition, row.version)
        if refused := decide(known, row.state, order, row.now).refused:
            raise SagaError(refused)
        advancing.advance(locked, {saga_id: [order]})
        _put_on_record(row.definition, saga_id, order)


def _put_on_record(name: str, saga_id: UUID, order: Ordered) -> None:
    action: Action = order.action
    detail = {"saga": str(saga_id), "definition": name, "step": order.step, "reason": order.reason}
    if action == "supply":
        detail["result"] = orjson.dumps(order.result).decode()
    OperatorAction.objects.create(by=order.by, action=f"saga_{action}", detail=detail)
