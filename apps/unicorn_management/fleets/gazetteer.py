"""Where places are, and how far it is from one to another. Unicorns fly: as the crow does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

EARTH_RADIUS_KM = 6371.0
UNKNOWN_DISTANCE_KM = 25.0
WAYS_REMEMBERED = 4096
CRUISING_KM_PER_HOUR = 120.0
TAKE_OFF_AND_LANDING_S = 120.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """A point on the earth, in degrees; one without a name is where a unicorn happens to be."""

    name: str = ""
    latitude: float
    longitude: float


@dataclass(frozen=True, kw_only=True)
class Journey:
    """How far and how long a ride is; `estimated` where one of its ends is not in the gazetteer."""

    distance_km: float
    duration_s: float
    estimated: bool


PLACES = tuple(
    Place(name=name, latitude=latitude, longitude=longitude)
    for name, latitude, longitude in (
        ("Cape Town", -33.9249, 18.4241),
        ("Cape Town Airport", -33.9700, 18.5972),
        ("Sea Point", -33.9171, 18.3874),
        ("Camps Bay", -33.9508, 18.3776),
        ("Hout Bay", -34.0434, 18.3617),
        ("Muizenberg", -34.1080, 18.4700),
        ("Simon's Town", -34.1930, 18.4330),
        ("Bellville", -33.8943, 18.6294),
        ("Durbanville", -33.8324, 18.6473),
        ("Somerset West", -34.0757, 18.8433),
        ("Stellenbosch", -33.9321, 18.8602),
        ("Franschhoek", -33.9133, 19.1169),
        ("Paarl", -33.7342, 18.9621),
        ("Wellington", -33.6396, 19.0112),
        ("Worcester", -33.6465, 19.4485),
        ("Ceres", -33.3689, 19.3110),
        ("Robertson", -33.8023, 19.8847),
        ("Malmesbury", -33.4608, 18.7271),
        ("Langebaan", -33.0917, 18.0334),
        ("Saldanha", -33.0117, 17.9442),
        ("Hermanus", -34.4187, 19.2345),
        ("Caledon", -34.2300, 19.4267),
        ("Swellendam", -34.0226, 20.4417),
        ("Mossel Bay", -34.1831, 22.1460),
        ("George", -33.9630, 22.4617),
        ("Knysna", -34.0363, 23.0471),
        ("Oudtshoorn", -33.5920, 22.2045),
        ("Beaufort West", -32.3567, 22.5830),
        ("Prince Albert", -33.2253, 22.0300),
        ("Johannesburg", -26.2041, 28.0473),
        ("Berlin", 52.5200, 13.4050),
        ("Frankfurt", 50.1109, 8.6821),
        ("London", 51.5074, -0.1278),
        ("Las Vegas", 36.1699, -115.1398),
        ("Seattle", 47.6062, -122.3321),
    )
)

_BY_NAME = {place.name.casefold(): place for place in PLACES}


def find(name: str) -> Place | None:
    """Return the place of that name, whatever its case; None for one that we do not know."""
    return _BY_NAME.get(" ".join(name.split()).casefold())


@lru_cache(maxsize=WAYS_REMEMBERED)
def distance_km(start: Place, end: Place) -> float:
    """Return the great-circle distance."""
    phi, theta = math.radians(start.latitude), math.radians(end.latitude)
    across = math.radians(end.longitude - start.longitude)
    half_chord = (
        math.sin((theta - phi) / 2) ** 2
        + math.cos(phi) * math.cos(theta) * math.sin(across / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half_chord)))


@lru_cache(maxsize=WAYS_REMEMBERED)
def journey(*, origin: str, destination: str) -> Journey:
    """Return the journey between two places, to a tenth of a kilometre and a whole second.

    Where one of them is not known, it is taken to be `UNKNOWN_DISTANCE_KM`.
    """
    start, end = find(origin), find(destination)
    if start is None or end is None:
        return _journey(UNKNOWN_DISTANCE_KM, estimated=True)
    return _journey(distance_km(start, end), estimated=False)


def _journey(distance: float, *, estimated: bool) -> Journey:
    flight_s = distance / CRUISING_KM_PER_HOUR * 3600
    return Journey(
        distance_km=round(distance, 1),
        duration_s=float(round(flight_s + TAKE_OFF_AND_LANDING_S)),
        estimated=estimated,
    )
