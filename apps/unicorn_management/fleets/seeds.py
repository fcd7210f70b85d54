"""The fleets that every installation begins with, and the unicorns of the demonstration.

What is there already stays as it is: operators change prices, and unicorns move.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal

from django.contrib.auth import get_user_model
from django.db import transaction

from apps.identity.messages import UNICORN
from apps.unicorn_management.fleets import gazetteer
from apps.unicorn_management.fleets.behaviour import Behaviour
from apps.unicorn_management.models import Fleet, Unicorn

AT_ONCE = Behaviour()
BY_HAND = Behaviour(answer_rate=0)  # the demo accounts' fleets: their unicorns quote themselves
SOON = Behaviour(delay_min_seconds=0.05, delay_median_seconds=0.12, delay_max_seconds=0.3)
SLOWLY = Behaviour(delay_min_seconds=0.5, delay_median_seconds=1.5, delay_max_seconds=4)
OFTEN_SILENT = Behaviour(answer_rate=0.4)
SILENT_OR_SLOW = Behaviour(
    answer_rate=0.3, delay_min_seconds=0.5, delay_median_seconds=2, delay_max_seconds=4
)


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A fleet as it begins: prices as base, per kilometre and per minute; unicorns with places."""

    slug: str
    name: str
    home: str
    prices: tuple[str, str, str]
    surge: tuple[float, float, float] = (1.2, 1.0, 0.05)
    radius_km: float | None = None
    rehearses: Behaviour = AT_ONCE
    unicorns: tuple[tuple[str, str], ...]


SEEDS = (
    Seed(
        slug="cape-town",
        name="Cape Town Unicorns",
        home="Cape Town",
        prices=("3.50", "0.95", "0.20"),
        rehearses=BY_HAND,
        unicorns=(
            ("rarity", "Cape Town"),
            ("protea", "Sea Point"),
            ("agulhas", "Cape Town Airport"),
        ),
    ),
    Seed(
        slug="winelands",
        name="Winelands Wings",
        home="Stellenbosch",
        prices=("3.00", "1.05", "0.15"),
        rehearses=BY_HAND,
        unicorns=(("shadowfax", "Stellenbosch"), ("pinotage", "Paarl"), ("chenin", "Franschhoek")),
    ),
    Seed(
        slug="table-bay",
        name="Table Bay Gallop",
        home="Sea Point",
        prices=("4.00", "0.90", "0.22"),
        surge=(1.35, 0.95, 0.08),
        unicorns=(
            ("breaker", "Sea Point"),
            ("southeaster", "Camps Bay"),
            ("lionshead", "Hout Bay"),
        ),
    ),
    Seed(
        slug="helderberg",
        name="Helderberg Horn",
        home="Somerset West",
        prices=("2.80", "1.10", "0.18"),
        rehearses=SOON,
        unicorns=(
            ("vergelegen", "Somerset West"),
            ("strand", "Muizenberg"),
            ("gordon", "Bellville"),
        ),
    ),
    Seed(
        slug="swartland",
        name="Swartland Express",
        home="Malmesbury",
        prices=("2.50", "0.85", "0.25"),
        radius_km=250,
        rehearses=SOON,
        unicorns=(
            ("riebeek", "Malmesbury"),
            ("darling", "Durbanville"),
            ("wheatear", "Wellington"),
        ),
    ),
    Seed(
        slug="overberg",
        name="Overberg Overhead",
        home="Hermanus",
        prices=("3.20", "0.98", "0.17"),
        unicorns=(("fynbos", "Hermanus"), ("crane", "Caledon"), ("breede", "Swellendam")),
    ),
    Seed(
        slug="garden-route",
        name="Garden Route Gliders",
        home="George",
        prices=("3.60", "0.80", "0.30"),
        rehearses=SLOWLY,
        unicorns=(("outeniqua", "George"), ("turaco", "Knysna"), ("seal-point", "Mossel Bay")),
    ),
    Seed(
        slug="great-karoo",
        name="Great Karoo Manes",
        home="Beaufort West",
        prices=("2.20", "0.75", "0.35"),
        rehearses=SLOWLY,
        unicorns=(
            ("springbok", "Beaufort West"),
            ("windpump", "Prince Albert"),
            ("ostrich", "Oudtshoorn"),
        ),
    ),
    Seed(
        slug="west-coast",
        name="West Coast Hooves",
        home="Langebaan",
        prices=("2.00", "0.70", "0.28"),
        rehearses=OFTEN_SILENT,
        unicorns=(("lagoon", "Langebaan"), ("gannet", "Saldanha"), ("namaqua", "Malmesbury")),
    ),
    Seed(
        slug="moonlight",
        name="Moonlight Riders",
        home="Worcester",
        prices=("5.00", "1.20", "0.10"),
        surge=(1.1, 0.8, 0.05),
        rehearses=SILENT_OR_SLOW,
        unicorns=(("nocturne", "Worcester"), ("halfmoon", "Ceres"), ("owl", "Robertson")),
    ),
)


def seed(*, rehearse: bool) -> None:
    """Make every fleet exist; to `rehearse`, as slow or silent as its seed, with unicorns online.

    Safe to call again, and at the same time from two processes.
    """
    with transaction.atomic():
        Fleet.objects.bulk_create(
            [_fleet(item, rehearse=rehearse) for item in SEEDS], ignore_conflicts=True
        )
        if rehearse:
            unicorns = [unicorn for item in SEEDS for unicorn in _unicorns(item)]
            Unicorn.objects.bulk_create(unicorns, ignore_conflicts=True)
            _know_users(unicorns)


def _fleet(seed: Seed, *, rehearse: bool) -> Fleet:
    base, per_km, per_minute = (Decimal(amount) for amount in seed.prices)
    peak_factor, night_factor, demand_factor = seed.surge
    return Fleet(
        slug=seed.slug,
        name=seed.name,
        home=seed.home,
        radius_km=seed.radius_km,
        base=base,
        per_km=per_km,
        per_minute=per_minute,
        peak_factor=peak_factor,
        night_factor=night_factor,
        demand_factor=demand_factor,
        **asdict(seed.rehearses if rehearse else AT_ONCE),
    )


def _unicorns(seed: Seed) -> list[Unicorn]:
    found = [(slug, gazetteer.find(place)) for slug, place in seed.unicorns]
    return [
        Unicorn(
            id=slug,
            fleet_id=seed.slug,
            is_online=True,
            place=place.name,
            latitude=place.latitude,
            longitude=place.longitude,
        )
        for slug, place in found
        if place is not None
    ]


def _know_users(unicorns: list[Unicorn]) -> None:
    """Let the demo accounts that bear a unicorn's name be that unicorn."""
    names = {unicorn.id: unicorn.fleet_id for unicorn in unicorns}
    accounts = get_user_model().objects.filter(username__in=names, role=UNICORN)
    for user_id, username, fleet in accounts.values_list("pk", "username", "fleet"):
        taken = Unicorn.objects.filter(user_id=user_id).exists()
        if fleet == names[username] and not taken:
            Unicorn.objects.filter(id=username, user_id=None).update(user_id=user_id)
