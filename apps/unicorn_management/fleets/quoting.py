"""Answer requests for quotes: for how much, and which unicorn; or that there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from apps.ride_booking.messages import QuotesRequested
from apps.unicorn_management.fleets import behaviour, gazetteer, pricing, queries
from apps.unicorn_management.fleets.behaviour import AnswerAfter, Conduct, Fault, Silence
from apps.unicorn_management.fleets.pricing import Demand
from apps.unicorn_management.messages import GiveQuote, Quote
from apps.unicorn_management.models import Fleet, Unicorn
from wildrydes import publishing, scatter_gather
from wildrydes.envelope import Envelope
from wildrydes.scatter_gather import Answer

MOST_OPEN = 200

NO_FLEET = "There is no such fleet."
NOT_ACTIVE = "The fleet takes no rides at present."
NOT_FROM_HERE = "The fleet does not ride from there."
NO_UNICORN = "No unicorn is free."

REMEMBER = """
INSERT INTO unicorn_management_openrequests AS known (fleet_id, deadlines)
SELECT %(fleet)s, ARRAY(
    SELECT deadline FROM unnest(%(deadlines)s::timestamptz[]) AS deadline
    WHERE deadline > %(now)s ORDER BY deadline DESC LIMIT %(most)s
)
ON CONFLICT (fleet_id) DO UPDATE SET deadlines = ARRAY(
    SELECT deadline FROM unnest(known.deadlines || excluded.deadlines) AS deadline
    WHERE deadline > %(now)s ORDER BY deadline DESC LIMIT %(most)s
)
RETURNING cardinality(deadlines)
"""


class RehearsedFaultError(Exception):
    """A fleet fails because its behaviour says that it shall."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request for quotes, and the message in which it came."""

    request: QuotesRequested
    envelope: Envelope

    @classmethod
    def by(cls, envelope: Envelope) -> Asked:
        """Read the message."""
        return cls(request=QuotesRequested.from_data(envelope.data), envelope=envelope)


@dataclass(frozen=True, kw_only=True)
class _Market:
    """What an answer depends on beside its request: one fleet as it is now."""

    fleet: Fleet
    unicorns: Sequence[Unicorn]
    open_requests: int
    currency: str
    now: datetime


def answer(
    *, slug: str, asked: Sequence[Asked], currency: str, now: datetime
) -> list[Answer | None]:
    """Return the fleet's answer to each request, in order; None where it comes later or never.

    A fleet that takes its time sends itself the command to answer then. Four statements for any
    number of requests. Must be called inside a transaction. Raises `RehearsedFaultError`.
    """
    fleet = queries.fleets_by_slug(slugs=[slug]).get(slug)
    if fleet is None or not fleet.is_active:
        refusal = scatter_gather.declined(NOT_ACTIVE if fleet else NO_FLEET)
        return [refusal] * len(asked)
    market = _Market(
        fleet=fleet,
        unicorns=queries.available_unicorns(fleets=[slug])[slug],
        open_requests=_remember(slug, asked, now=now),
        currency=currency,
        now=now,
    )
    conducts = [_conduct(fleet, item.request.rfq) for item in asked]
    _answer_later(slug, asked, conducts)
    return [
        _answer(market, item.request) if conduct == AnswerAfter(timedelta(0)) else None
        for item, conduct in zip(asked, conducts, strict=True)
    ]


def answer_on_behalf(
    *, asked: Sequence[tuple[str, Asked]], currency: str, now: datetime
) -> list[Answer]:
    """Return the answer that each of these fleets gives to its request now, in order."""
    slugs = sorted({slug for slug, _ in asked})
    fleets = queries.fleets_by_slug(slugs=slugs)
    unicorns = queries.available_unicorns(fleets=slugs)
    demand = queries.open_requests(fleets=slugs, now=now)
    markets = {
        slug: _Market(
            fleet=fleet,
            unicorns=unicorns[slug],
            open_requests=demand.get(slug, 0),
            currency=currency,
            now=now,
        )
        for slug, fleet in fleets.items()
    }
    return [
        _answer(markets[slug], item.request)
        if slug in markets
        else scatter_gather.declined(NO_FLEET)
        for slug, item in asked
    ]


def _conduct(fleet: Fleet, request: UUID) -> Conduct:
    conduct = behaviour.decide(behaviour=fleet.behaviour, request=request, fleet=fleet.slug)
    if isinstance(conduct, Fault):
        raise RehearsedFaultError(f"{fleet.slug} is told to fail at some requests")
    return conduct


def _remember(slug: str, asked: Sequence[Asked], *, now: datetime) -> int:
    """Keep that these requests are open; return how many are, up to a bound."""
    deadlines = [item.request.deadline_at for item in asked]
    values: dict[str, Any] = {"fleet": slug, "deadlines": deadlines, "now": now, "most": MOST_OPEN}
    with connection.cursor() as cursor:
        cursor.execute(REMEMBER, values)
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def _answer_later(slug: str, asked: Sequence[Asked], conducts: Sequence[Conduct]) -> None:
    """Send the command to answer for each whose delay, since it was asked, is not zero."""
    publishing.send_all(
        [
            publishing.Outgoing(
                body=GiveQuote(fleet=slug, request=item.envelope.to_cloudevent()),
                subject=str(item.request.rfq),
                not_before=item.envelope.time + delay,
                cause=item.envelope,
            )
            for item, conduct in zip(asked, conducts, strict=True)
            if not isinstance(conduct, Silence | Fault) and (delay := conduct.delay)
        ]
    )


def _answer(market: _Market, request: QuotesRequested) -> Answer:
    fleet, origin = market.fleet, gazetteer.find(request.origin)
    if not fleet.is_active:
        return scatter_gather.declined(NOT_ACTIVE)
    if not _rides_from(fleet, origin):
        return scatter_gather.declined(NOT_FROM_HERE)
    if not market.unicorns:
        return scatter_gather.declined(NO_UNICORN)
    unicorn = _nearest(market.unicorns, origin, request=request.rfq)
    return scatter_gather.answered(_quote(market, request, unicorn=unicorn).to_data())


def _quote(market: _Market, request: QuotesRequested, *, unicorn: Unicorn) -> Quote:
    fleet = market.fleet
    journey = gazetteer.journey(origin=request.origin, destination=request.destination)
    amount = pricing.price(
        tariff=fleet.tariff,
        journey=journey,
        asked_at=request.requested_at,
        demand=Demand(open_requests=market.open_requests, available_unicorns=len(market.unicorns)),
    )
    return Quote(
        quote=amount,
        currency=market.currency,
        unicorn=unicorn.id,
        distance_km=journey.distance_km,
        duration_s=journey.duration_s,
        estimated=journey.estimated,
        expires_at=market.now + timedelta(seconds=fleet.quote_valid_seconds),
    )


def _rides_from(fleet: Fleet, origin: gazetteer.Place | None) -> bool:
    """Say whether the origin is within reach; with a radius, what we do not know is not."""
    if fleet.radius_km is None:
        return True
    home = gazetteer.find(fleet.home)
    if home is None or origin is None:
        return False
    return gazetteer.distance_km(home, origin) <= fleet.radius_km


def _nearest(
    unicorns: Sequence[Unicorn], origin: gazetteer.Place | None, *, request: UUID
) -> Unicorn:
    """Return the unicorn that is nearest; of those that are equally near (or where nobody knows)
    any, so that not every request is offered the same one."""

    def rank(unicorn: Unicorn) -> tuple[float, bytes]:
        where = unicorn.where
        away = gazetteer.distance_km(where, origin) if where and origin else float("inf")
        draw = hashlib.blake2b(f"{request}/{unicorn.id}".encode(), digest_size=8).digest()
        return round(away, 1), draw

    return min(unicorns, key=rank)
