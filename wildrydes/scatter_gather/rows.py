"""Scatters and what was said to them, as they are read in passing.

Without Django's models, which would cost more than everything else that is done with an answer.
Every function must be called inside a transaction.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from wildrydes import postgres, prepared
from wildrydes.models import Scatter
from wildrydes.scatter_gather import statements


@dataclass(slots=True)
class Question:
    """A scatter in hand: who was asked, by which rule, until when.

    While it is open it has no `closed_at`. `is_overdue` says that its deadline was over once it was
    locked.
    """

    id: UUID
    gathering: str
    asked: list[str]
    rule: str
    wanted: int
    opened_at: datetime
    deadline_at: datetime
    status: str
    closed_at: datetime | None
    closed_because: str
    is_overdue: bool

    @property
    def is_open(self) -> bool:
        """Say whether it was not ended yet."""
        return self.status == Scatter.Status.OPEN


class Entry(NamedTuple):
    """What became of the question at one responder."""

    scatter_id: UUID
    responder: str
    outcome: str
    late: bool
    data: Mapping[str, Any]
    reason: str
    received_at: datetime


COLUMNS = len(fields(Question))
KNOWN_AT_MOST = 1_000
_known: dict[UUID, Question] = {}


def known(scatter_ids: Collection[UUID]) -> dict[UUID, Question]:
    """Return what was asked, by id, read once by each process: how they stand may be long past."""
    found = {id_: scatter for id_ in scatter_ids if (scatter := _known.get(id_)) is not None}
    if len(found) < len(scatter_ids):
        unknown = [id_ for id_ in scatter_ids if id_ not in found]
        read = {item.id: item for item in find(statements.FIND, [postgres.array(unknown)])}
        transaction.on_commit(lambda: _remember(read))
        found |= read
    return found


def _remember(read: Mapping[UUID, Question]) -> None:
    """Keep what was asked. Not before the commit: it may have been asked just now, and undone."""
    if len(_known) + len(read) > KNOWN_AT_MOST:
        _known.clear()
    _known.update(read)


def find(statement: str, parameters: Sequence[Any]) -> list[Question]:
    """Return what a statement has found that selects `QUESTION`, whatever comes after that."""
    with prepared.execute(statement, parameters) as cursor:
        return [question(values) for values in cursor.fetchall()]


def question(values: Sequence[Any]) -> Question:
    """Return the scatter of a row that begins with `QUESTION`."""
    return Question(*values[:COLUMNS])


def entries(found: Iterable[Sequence[Any]]) -> Mapping[UUID, Sequence[Entry]]:
    """Return the rows of `ENTRIES` by scatter: what became of it at each responder, as it came."""
    by_scatter: dict[UUID, list[Entry]] = defaultdict(list)
    for scatter_id, responder, outcome, late, data, reason, received_at in found:
        entry = Entry(scatter_id, responder, outcome, late, json.loads(data), reason, received_at)
        by_scatter[scatter_id].append(entry)
    return by_scatter
