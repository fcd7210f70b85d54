"""What may be asked of fare collection, and by whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.fare_collection.models import FareCollection, FareRefund
from apps.identity import messages as identity
from wildrydes import saga
from wildrydes.errors import ConfigurationError
from wildrydes.models import Saga, SagaEvent

STUCK = "stuck"
PENDING = "pending"


@dataclass(frozen=True, kw_only=True)
class Step:
    """How far a step has come; `reason` says why it failed or is stuck."""

    name: str
    status: str
    attempts: int
    undo_attempts: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Story:
    """How a saga stands, and what has happened to it. `stuck_because` is what a person sees to."""

    status: str
    stuck_step: str
    stuck_because: str
    steps: tuple[Step, ...]
    history: tuple[SagaEvent, ...]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A collection or refund and its saga's story, which is purged some time after its end."""

    row: FareCollection | FareRefund
    story: Story | None

    @property
    def status(self) -> str:
        """Return the row's status, or that it waits for a person."""
        return STUCK if self._is_stuck else self.row.status

    @property
    def failed_step(self) -> str:
        """Return where it failed or is stuck; "" if it did not and is not."""
        return self.story.stuck_step if self.story and self._is_stuck else self.row.failed_step

    @property
    def reason(self) -> str:
        """Return why it failed or is stuck; "" if it did not and is not."""
        return self.story.stuck_because if self.story and self._is_stuck else self.row.reason

    @property
    def _is_stuck(self) -> bool:
        return self.story is not None and self.story.status == STUCK


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some collections, newest first; `continues_after` is the last one's id if there are more."""

    rows: list[Standing]
    continues_after: UUID | None


def visible_to(*, caller: identity.Caller) -> QuerySet[FareCollection]:
    """Return the collections that the caller may see: staff all, a customer their own, anyone
    else none."""
    match caller:
        case identity.Caller(role=identity.STAFF):
            return FareCollection.objects.all()
        case identity.Caller(role=identity.CUSTOMER, customer=customer) if customer:
            return FareCollection.objects.filter(customer=customer)
    return FareCollection.objects.none()


def of_ride(*, ride: str, caller: identity.Caller) -> FareCollection | None:
    """Return the collection of a ride, which is named by its own id or by its completion's."""
    wanted = Q(ride=ride)
    with suppress(ValueError):
        wanted |= Q(ride_completion=UUID(ride))
    return visible_to(caller=caller).filter(wanted).order_by("-id").first()


def newest(*, caller: identity.Caller, limit: int, before: UUID | None) -> Page:
    """Return at most `limit` collections that the caller may see, older than `before`."""
    rows = visible_to(caller=caller)
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: limit + 1])
    more = len(found) > limit
    return Page(
        rows=list(standings(found[:limit])),
        continues_after=found[limit - 1].id if more else None,
    )


def standings(rows: Sequence[FareCollection]) -> Iterator[Standing]:
    """Yield how each collection stands, in two statements for all of them."""
    told = stories([row.id for row in rows])
    for row in rows:
        yield Standing(row=row, story=told.get(row.id))


def standing(row: FareCollection | FareRefund) -> Standing:
    """Return how one collection or refund stands."""
    saga_id = row.saga if isinstance(row, FareRefund) else row.id
    return Standing(row=row, story=stories([saga_id]).get(saga_id) if saga_id else None)


def refunds_of(*, collection: FareCollection) -> list[FareRefund]:
    """Return what was given back of a fare or is to be, in order."""
    return list(collection.refunds.order_by("id"))


def stories(saga_ids: Sequence[UUID]) -> dict[UUID, Story]:
    """Return what has happened to these sagas, as far as they are there."""
    history: dict[UUID, list[SagaEvent]] = {saga_id: [] for saga_id in saga_ids}
    for event in SagaEvent.objects.filter(saga_id__in=saga_ids).order_by("saga_id", "number"):
        history[event.saga_id].append(event)
    return {
        row.id: Story(
            status=row.status,
            stuck_step=_stuck_step(row),
            stuck_because=row.stuck_because,
            steps=tuple(_steps(row)),
            history=tuple(history[row.id]),
        )
        for row in Saga.objects.filter(id__in=saga_ids)
    }


def _steps(row: Saga) -> Iterator[Step]:
    """Yield every step in the order of the definition; of an unknown one those that were begun."""
    try:
        names = list(saga.defined(row.definition, row.version).by_name)
    except ConfigurationError:
        names = list(row.state)
    for name in names:
        known = row.state.get(name, {})
        yield Step(
            name=name,
            status=known.get("status", PENDING),
            attempts=known.get("attempts", 0),
            undo_attempts=known.get("undo_attempts", 0),
            reason=known.get("reason", ""),
        )


def _stuck_step(row: Saga) -> str:
    return next((name for name, step in row.state.items() if step.get("status") == STUCK), "")
