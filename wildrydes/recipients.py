"""Recipient List: a publisher names the subscriptions that are to get its message.

Guarantee: the message reaches those subscriptions and no other; a name that is unknown, comes
twice, or cannot take the message's type is refused when it is published.
Does not guarantee: that a name outlives its subscription. One that has left the topology before
the relay comes to the message is skipped, and logged as an error.
Source: Hohpe and Woolf, Recipient List.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from wildrydes import topology
from wildrydes.envelope import Envelope
from wildrydes.errors import PublishError
from wildrydes.topology import Subscription

log = structlog.get_logger(__name__)


def of(envelope: Envelope, *, named: Sequence[str] | None) -> tuple[Subscription, ...]:
    """Return every subscription that gets this message: those named, or else those that want it."""
    found = topology.current().recipients(envelope, named=named)
    if named is not None and len(found) < len(named):
        gone = sorted(set(named) - {entry.name for entry in found})
        log.error("recipients_are_gone", message=str(envelope.id), type=envelope.type, names=gone)
    return found


def refuse_wrong(names: Sequence[str], *, type_: str) -> None:
    """Raise `PublishError`, saying what is wrong, unless all of these can take this type."""
    if isinstance(names, str) or not names:
        raise PublishError(f"the recipients of {type_!r} must be a list of one name or more")
    current = topology.current()
    known = {entry.name: entry for entry in current.subscriptions}
    for index, name in enumerate(names):
        if name not in known:
            raise PublishError(f"the recipient {name!r} is not in the topology")
        if name in names[:index]:
            raise PublishError(f"the recipient {name!r} is named twice")
        if not current.reaches(known[name], type_):
            raise PublishError(f"the recipient {name!r} does not take {type_!r}")
