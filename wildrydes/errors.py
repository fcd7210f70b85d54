"""Every error of the kernel, grouped by what has to be done about it.

A person has to change something: `ConfigurationError`, `PublishError`.
The worker has to decide: `DeliveryError` and what stands below it.
"""


class WildRydesError(Exception):
    """Base of every error that the kernel raises."""


class ConfigurationError(WildRydesError):
    """A setting, topology entry or filter policy is wrong; the text names it and says why."""


class PublishError(WildRydesError):
    """A message was refused before it was stored; the caller has to change the call."""


class OutsideTransactionError(PublishError):
    """A message was published outside a transaction, so it could be lost or be a lie."""


class DeliveryError(WildRydesError):
    """A message that was delivered cannot be handled as it stands."""


class UnreadableMessageError(DeliveryError):
    """What came over the wire is not a message that this version understands."""
