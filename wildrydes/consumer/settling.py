"""What becomes of each message of a delivery: done, parked, tried again, dead, or let go of."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from wildrydes import retry
from wildrydes.answering import responding
from wildrydes.consumer import groups, receipts, running
from wildrydes.consumer.groups import Order
from wildrydes.consumer.reading import Item
from wildrydes.consumer.receipts import Claimed, Failure, Origin
from wildrydes.errors import Discard
from wildrydes.subscriptions import Binding
from wildrydes.topology import Subscription

log = structlog.get_logger(__name__)


@dataclass
class Outcome:
    """What a delivery came to: how many messages ended how."""

    done: int = 0
    duplicate: int = 0
    retrying: int = 0
    parked: int = 0
    dead: int = 0
    dropped: int = 0

    def add(self, other: Outcome) -> None:
        """Add the counts of another part of the same delivery."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)


@dataclass
class Settlement:
    """The messages of one transaction, as they are settled one after the other."""

    origin: Origin
    subscription: Subscription
    binding: Binding
    order: Order
    claimed: Claimed
    done: list[Item] = field(default_factory=list)
    parked: list[Item] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def settle(self, items: Sequence[Item], *, now: datetime) -> None:
        """Handle the messages that may go, all at once where the handler takes batches."""
        going = [item for item in items if self._may_start(item, now=now)]
        if self._may_go_together(going) and self._all_at_once(going):
            return
        for item in going:
            self._alone(item)

    def record(self) -> Outcome:
        """Write down what was settled, let those go on who waited for it, and count."""
        if self.binding.role == "answers":
            done = [item.id for item in self.done]
            responding.keep(self.subscription.name, message_ids=done)
        again = [item.id for item in self.done if item.id in self.claimed.known]
        receipts.mark_retries_done(self.origin, again)
        for failure in self.failures:
            receipts.mark_failed(self.origin, failure)
            _tell(failure)
        groups.park(
            subscription=self.subscription.name,
            parked=[(item, self.claimed.attempts[item.id] - 1) for item in self.parked],
        )
        ended = [*self.done, *(failure.item for failure in self.failures)]
        names = [item.envelope.group_id for item in ended]
        groups.release_where_ordered(self.subscription, names)
        return self._outcome()

    def _may_start(self, item: Item, *, now: datetime) -> bool:
        expires_at = item.envelope.expires_at
        if expires_at is not None and expires_at <= now:
            self._fail(item, Discard(f"expired at {expires_at.isoformat()}"))
            return False
        if item.envelope.replayed and self.binding.fenced:
            self._fail(item, Discard("replay is fenced: the handler has effects outside"))
            return False
        return True

    def _may_go_together(self, items: Sequence[Item]) -> bool:
        """Say whether the items may share a savepoint, and be handled again when one fails."""
        if len(items) < 2:
            return False
        if self.binding.takes_batches:
            return True
        at_most_once, binding = self.subscription.at_most_once, self.binding
        return not (at_most_once or binding.outside_effects or binding.role == "replies")

    def _all_at_once(self, items: Sequence[Item]) -> bool:
        """Handle the items as one batch; say whether that settled them. Nothing is left if not."""
        if not all(self.order.admits(item) for item in items):
            return False
        error = running.attempt(self.binding, items, subscription=self.subscription)
        if error is None:
            for item in items:
                self._finish(item)
        elif self.subscription.at_most_once:
            for item in items:
                self._fail(item, error)
        else:
            log.warning("batch_is_taken_apart", error=retry.describe(error), size=len(items))
        return error is None or self.subscription.at_most_once

    def _alone(self, item: Item) -> None:
        if not self.order.admits(item):
            self.parked.append(item)
            self.order.failed(item)
            return
        error = running.attempt(self.binding, [item], subscription=self.subscription)
        if error is None:
            self._finish(item)
        else:
            self._fail(item, error)

    def _finish(self, item: Item) -> None:
        self.done.append(item)
        self.order.finished(item)

    def _fail(self, item: Item, error: Exception) -> None:
        attempt = self.claimed.attempts[item.id]
        decision = self._decide(error, attempt=attempt)
        self.failures.append(Failure(item, attempt, error, decision))
        if self._stands_in_the_way(decision):
            self.order.failed(item)
        else:
            self.order.finished(item)

    def _decide(self, error: Exception, *, attempt: int) -> retry.Decision:
        if self.subscription.at_most_once:
            return retry.Drop(f"handled at most once: {retry.describe(error)}")
        return retry.decide(
            error=error,
            attempt=attempt,
            policy=self.subscription.retry,
            jitter=random.random(),  # noqa: S311 - spreads retries, keeps no secret
        )

    def _stands_in_the_way(self, decision: retry.Decision) -> bool:
        if isinstance(decision, retry.Dead):
            return self.subscription.on_dead == "park"
        return isinstance(decision, retry.RetryAfter)

    def _outcome(self) -> Outcome:
        outcome = Outcome(done=len(self.done), parked=len(self.parked))
        for failure in self.failures:
            match failure.decision:
                case retry.RetryAfter():
                    outcome.retrying += 1
                case retry.Dead():
                    outcome.dead += 1
                case retry.Drop():
                    outcome.dropped += 1
        return outcome


def _tell(failure: Failure) -> None:
    log.warning(
        "message_failed",
        message_id=str(failure.item.id),
        correlation_id=failure.item.envelope.correlation_id,
        attempt=failure.attempt,
        decision=str(failure.decision),
        error=retry.describe(failure.error),
    )
