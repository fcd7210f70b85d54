"""What operators see of a request and of a ride, put together for one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apps.ride_booking import queries
from apps.ride_booking.models import Rfq, Ride
from wildrydes.models import Response, Scatter


@dataclass(frozen=True, kw_only=True)
class Responder:
    """One fleet that was asked, and what came of it."""

    responder: str
    outcome: str
    quote: str = ""
    after_ms: str = ""
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened to a ride."""

    at: datetime
    what: str
    by: str = ""
    remark: str = ""


def closed(rfq: Rfq) -> str:
    """Return when a request was closed, and why; empty while it is open."""
    scatter = Scatter.objects.get(id=rfq.id)
    if scatter.closed_at is None:
        return ""
    return f"{scatter.closed_at:%Y-%m-%d %H:%M:%S} ({scatter.closed_because})"


def responders(rfq: Rfq) -> list[Responder]:
    """Return every fleet that was asked, in the order of asking, with what it has said."""
    scatter = Scatter.objects.get(id=rfq.id)
    winner = Ride.objects.filter(rfq=rfq.id).values_list("fleet", flat=True).first()
    said = {row.responder: row for row in Response.objects.filter(scatter_id=rfq.id)}
    return [
        _responder(name, said.get(name), scatter, accepted=name == winner) for name in scatter.asked
    ]


def story(ride: Ride) -> list[Entry]:
    """Return all that happened to a ride: its timeline, then the lines of its receipt."""
    happened = [
        Entry(at=event.at, what=event.get_kind_display(), by=event.by, remark=event.note)
        for event in queries.timeline_of(ride=ride)
    ]
    charged = [
        Entry(
            at=charge.at,
            what=charge.get_kind_display(),
            remark=" ".join(filter(None, (f"{charge.amount} {charge.currency}", charge.note))),
        )
        for charge in queries.charges_of(ride=ride)
    ]
    paid = [
        Entry(
            at=payment.at,
            what="Charged" if payment.amount >= 0 else "Given back",
            remark=f"{abs(payment.amount)} {payment.currency} {payment.card}".strip(),
        )
        for payment in queries.payments_of(ride=ride)
    ]
    return happened + charged + paid


def _responder(name: str, said: Response | None, scatter: Scatter, *, accepted: bool) -> Responder:
    if said is None:
        return Responder(responder=name, outcome="awaited")
    waited = (said.received_at - scatter.opened_at).total_seconds() * 1000
    remarks = ("accepted" if accepted else "", "late" if said.late else "", said.reason)
    return Responder(
        responder=name,
        outcome=said.outcome,
        quote=" ".join(str(said.data[key]) for key in ("quote", "currency") if key in said.data),
        after_ms="" if said.outcome == Response.Outcome.TIMED_OUT else f"{waited:.0f}",
        remark=", ".join(filter(None, remarks)),
    )
