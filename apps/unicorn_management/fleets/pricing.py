"""What a fleet asks for a journey: a pure function of tariff, journey, time and demand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal

from apps.unicorn_management.fleets.gazetteer import Journey

CENT = Decimal("0.01")
LEAST = CENT
LOCAL_TIME = timezone(timedelta(hours=2), "SAST")
PEAKS = ((time(7), time(9)), (time(16), time(19)))
NIGHT_FROM, NIGHT_TO = time(22), time(5)
SATURDAY = 5


@dataclass(frozen=True, kw_only=True)
class Tariff:
    """A fleet's prices, and what they are multiplied by.

    `peak_factor` from Monday to Friday in the hours of `PEAKS`, `night_factor` from 22 to 5
    o'clock, South African time. `demand_factor` is added for each open request that a free
    unicorn would have to take on beside its first. All together at most `most_surge`.
    """

    base: Decimal
    per_km: Decimal
    per_minute: Decimal
    peak_factor: float = 1.0
    night_factor: float = 1.0
    demand_factor: float = 0.0
    most_surge: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Demand:
    """How many requests are open, and how many unicorns are there to take them."""

    open_requests: int
    available_unicorns: int


def price(*, tariff: Tariff, journey: Journey, asked_at: datetime, demand: Demand) -> Decimal:
    """Return what the journey costs, to the cent, and never nothing."""
    distance = tariff.per_km * _exactly(journey.distance_km)
    duration = tariff.per_minute * _exactly(journey.duration_s) / 60
    factor = surge(tariff=tariff, asked_at=asked_at, demand=demand)
    amount = (tariff.base + distance + duration) * factor
    return max(LEAST, amount.quantize(CENT, rounding=ROUND_HALF_UP))


def surge(*, tariff: Tariff, asked_at: datetime, demand: Demand) -> Decimal:
    """Return what the price is multiplied by."""
    share = Decimal(demand.open_requests) / max(1, demand.available_unicorns)
    by_demand = 1 + _exactly(tariff.demand_factor) * max(Decimal(0), share - 1)
    by_time = _exactly(_factor_at(tariff, asked_at))
    return min(_exactly(tariff.most_surge), by_time * by_demand)


def _factor_at(tariff: Tariff, moment: datetime) -> float:
    local = moment.astimezone(LOCAL_TIME)
    if local.time() >= NIGHT_FROM or local.time() < NIGHT_TO:
        return tariff.night_factor
    if local.weekday() < SATURDAY and any(start <= local.time() < end for start, end in PEAKS):
        return tariff.peak_factor
    return 1.0


def _exactly(number: float) -> Decimal:
    """Return the number as it is written: 1.1 is 1.1, and no binary fraction beside it."""
    return Decimal(repr(number))
