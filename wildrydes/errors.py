"""Every error of the kernel, grouped by what has to be done about it.

A person has to change something: `ConfigurationError`, `PublishError`, `DeadLetterError`,
`ReplayError`, `QueueLimitError`.
The worker has to decide: `DeliveryError` and what stands below it.
A handler says what is to become of its message: `Verdict` and what stands below it.
"""

from __future__ import annotations

from datetime import timedelta


class WildRydesError(Exception):
    """Base of every error that the kernel raises."""


class ConfigurationError(WildRydesError):
    """A setting, topology entry or filter policy is wrong; the text names it and says why."""


class PublishError(WildRydesError):
    """A message was refused before it was stored; the caller has to change the call."""


class OutsideTransactionError(PublishError):
    """A message was published outside a transaction, so it could be lost or be a lie."""


class DeadLetterError(WildRydesError):
    """A dead letter cannot be treated as was asked; the text says why. Nothing was changed."""


class ReplayError(WildRydesError):
    """History cannot be replayed as was asked; the text says why. Nothing was sent."""


class QueueLimitError(WildRydesError):
    """A queue cannot be limited as was asked; the text says why. Nothing was changed."""


class DeliveryError(WildRydesError):
    """A message that was delivered cannot be handled as it stands."""


class UnreadableMessageError(DeliveryError):
    """What came over the wire is not a message that this version understands."""


class TimeLimitExceededError(DeliveryError):
    """A handler ran for longer than its subscription allows."""


class WorkerLostError(DeliveryError):
    """A worker began on a message alone, and never came back, more than once."""


class Verdict(WildRydesError):  # noqa: N818 - it says what to do, not that something is wrong
    """Base of what a handler raises to say what is to become of its message.

    Its own effects on the database are rolled back, as with any exception.
    """


class Retry(Verdict):
    """Try again, after a wait of the handler's choice instead of the policy's."""

    def __init__(self, after: timedelta, reason: str = "the handler asked for it") -> None:
        super().__init__(reason)
        self.after = after


class Reject(Verdict):
    """Put the message among the dead letters at once; trying again would not help."""


class Discard(Verdict):
    """Let go of the message: it has become pointless, and that is no failure."""
