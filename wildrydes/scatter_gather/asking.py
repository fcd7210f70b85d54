"""Recipient List with a memory: who is asked, by which rule, until when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from wildrydes import message_log, prepared, publishing, topology
from wildrydes.envelope import Envelope
from wildrydes.errors import ConfigurationError, PublishError
from wildrydes.outgoing import Body, Outgoing
from wildrydes.scatter_gather import closing, statements
from wildrydes.scatter_gather.rules import ALL, Rule


def ask(
    request: Body,
    *,
    gathering: str,
    deadline: timedelta,
    rule: Rule = ALL,
    subject: str = "",
    recipients: Sequence[str] | None = None,
    also: Sequence[str] = (),
    id: UUID | None = None,
) -> UUID:
    """Ask everyone who answers to this gathering and wants the request; return the scatter's id.

    The id is that of the request's message, a new one unless it is given. `recipients` are
    subscriptions that get it instead of all that want it; `also` are responders that answer by
    themselves only. A scatter in which nobody is asked is closed at once. The deadline counts from
    the next statement, or the end of the transaction. Must be called inside a transaction. Raises
    `PublishError` as `publish` does, and for a gathering that takes no replies or a deadline that
    is over.
    """
    _refuse_wrong(gathering, deadline=deadline)
    outgoing = Outgoing(
        body=request, subject=subject, recipients=recipients, reply_to=gathering, id=id
    )
    (scatter_id,) = publishing.store_all([outgoing], kind="event")
    stored = message_log.by_id([scatter_id])[scatter_id].to_envelope()
    asked = _asked(stored, named=recipients, gathering=gathering, also=also)
    opened = [scatter_id, gathering, asked, rule.name, rule.wanted, deadline]
    prepared.say(statements.OPEN, opened)
    if not asked:
        closing.close_complete([scatter_id])
    return scatter_id


def _asked(
    request: Envelope, *, named: Sequence[str] | None, gathering: str, also: Sequence[str]
) -> list[str]:
    """Return the names of all who are asked, each once, in the topology's order."""
    chosen = topology.current().recipients(request, named=named)
    responders = [entry.responder for entry in chosen if entry.answers_to == gathering]
    return list(dict.fromkeys([*responders, *also]))


def _refuse_wrong(gathering: str, *, deadline: timedelta) -> None:
    try:
        address = topology.current().subscription(gathering)
    except ConfigurationError as error:
        raise PublishError(str(error)) from error
    if not address.replies:
        raise PublishError(f"{gathering!r} takes no replies")
    if deadline <= timedelta(0):
        raise PublishError(f"a scatter needs a deadline ahead, not {deadline}")
