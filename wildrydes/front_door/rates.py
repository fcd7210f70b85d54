"""How often who may call: rates by role and by kind of request, as one line of configuration.

`customer.look=6000/60,customer.change=3000/60,staff=60000/60,rides=off`: so many requests in so
many seconds. The name is a role, a group, or both with a dot between them. The group is `look` for
what only reads; else what the view has as `throttle_scope`, or `change`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from wildrydes.conf import kernel_settings
from wildrydes.errors import ConfigurationError

OFF = "off"
LONGEST_SECONDS = 86_400

_ENTRY = re.compile(r"(?P<name>[a-z][a-z0-9.-]*)=(?:off|(?P<most>[0-9]{1,9})/(?P<seconds>[0-9]+))")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most `most` requests at once, and as many in every `seconds` in the long run."""

    name: str
    most: int
    seconds: int

    @property
    def each(self) -> float:
        """Return the seconds in which one more may come."""
        return self.seconds / self.most

    @property
    def policy(self) -> str:
        """Return it as the header `RateLimit-Policy` has it."""
        return f'"{self.name}";q={self.most};w={self.seconds}'


Rates = Mapping[str, Rate | None]


def parse(text: str) -> Rates:
    """Return the rates in a line by their names; None for what is off. `off` alone is no rates.

    Raises `ConfigurationError`, quoting the entry that cannot be understood.
    """
    if text.strip() == OFF:
        return {}
    entries = [_entry(part.strip()) for part in text.split(",") if part.strip()]
    found = dict(entries)
    if len(found) != len(entries):
        raise ConfigurationError(f"a rate is given twice in {text!r}")
    return found


def _entry(part: str) -> tuple[str, Rate | None]:
    match = _ENTRY.fullmatch(part)
    if match is None:
        raise ConfigurationError(f"{part!r} is no rate such as customer=600/60 or rides=off")
    name, most, seconds = match.groups()
    if most is None:
        return name, None
    rate = Rate(name=name, most=int(most), seconds=int(seconds))
    if rate.most < 1 or not 1 <= rate.seconds <= LONGEST_SECONDS:
        raise ConfigurationError(
            f"{part!r}: at least one request in 1 to {LONGEST_SECONDS} seconds"
        )
    return name, rate


@cache
def current() -> Rates:
    """Return the project's rates; they do not change while a process runs."""
    return parse(kernel_settings().throttles)


def rate_for(rates: Rates, *, role: str, group: str) -> Rate | None:
    """Return the rate of the most telling name: both, the group, the role; None where none is."""
    for name in (f"{role}.{group}", group, role):
        if name in rates:
            return rates[name]
    return None
