"""Redaction: what looks like a payment card's number is not written down, and not said back.

Guarantee: 13 to 19 digits that pass the check of ISO/IEC 7812 (Luhn) are found, in one piece or in
groups with one separator between them, with letters or signs around them.
Does not guarantee: that every such number is a card's. One in ten numbers of that length passes.
Source: ISO/IEC 7812-1, annex B; PCI DSS, requirement 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

REMOVED = "[redacted]"
SHORTEST, LONGEST = 13, 19

# A UUID may hold as many digits as it likes, with or without hyphens; so may a decimal fraction.
_UUID = (
    r"(?<![0-9A-Za-z])(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32})"
    r"(?![0-9A-Za-z])"
)
_RUN = re.compile(
    rf"(?P<innocent>{_UUID}"
    r"|(?<![0-9])[0-9]{1,9}\.[0-9]{5,}(?:[eE][+-]?[0-9]+)?(?![0-9]|[ ._/-][0-9]))"
    r"|[0-9]+(?:[ ._/-][0-9]+)*"
)
_DIGITS = re.compile(r"[0-9]+")
_ISSUED = "23456"  # what the numbers of payment cards begin with
_ENOUGH = re.compile(r"[2-6](?:[ ._/-]?[0-9]){12}")

# In one piece, or in groups as cards have them; not the digits of a fraction.
_PRINTED = re.compile(
    rf"(?P<innocent>{_UUID})"
    r"|(?<![0-9])(?<![0-9]\.)(?:[0-9]{13,19}"
    r"|(?:[0-9]{4}[ ._/-]){3}[0-9]{1,4}(?:[ ._/-][0-9]{3})?"
    r"|[0-9]{4}[ ._/-][0-9]{6}[ ._/-][0-9]{4,5})(?![0-9])"
)
# Visa, Mastercard, American Express, Diners, JCB, Discover and UnionPay, Maestro.
_OF_AN_ISSUER = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11,16}|35[0-9]{14,17}"
    r"|6[0-9]{15,18}|5[0678][0-9]{11,17}"
)


def is_in(text: str) -> bool:
    """Say whether the text holds what looks like a card's number."""
    return next(_found(text, beginning="0123456789"), None) is not None


def is_issued_in(text: str) -> bool:
    """Say whether the text holds what looks like a card's number, printed and issued as those are.

    For text of every kind: a time of day, or an id that is made from one, is none. Where there are
    not digits enough, which is nearly everywhere, it costs next to nothing.
    """
    if len(text) < SHORTEST or _ENOUGH.search(text) is None:
        return False
    printed = (found[0] for found in _PRINTED.finditer(text) if found["innocent"] is None)
    numbers = ("".join(_DIGITS.findall(one)) for one in printed)
    return any(_OF_AN_ISSUER.fullmatch(number) and _passes(number) for number in numbers)


def masked(text: str) -> str:
    """Return the text without the numbers in it that look like a card's and begin like one."""
    if _ENOUGH.search(text) is None:
        return text
    pieces, end = [], 0
    for start, stop in _found(text, beginning=_ISSUED):
        pieces += [text[end:start], _in_place_of(text, start, stop)]
        end = stop
    return "".join(pieces) + text[end:] if pieces else text


def places(value: Any, path: str = "") -> Iterator[str]:
    """Yield where in a JSON value such a number stands: as `card.number`, `items[3]`."""
    match value:
        case Mapping():
            for name, inner in value.items():
                where = f"{path}.{name}" if path else str(name)
                if is_in(str(name)):
                    yield where
                yield from places(inner, where)
        case str():
            if is_in(value):
                yield path
        case Sequence():
            for index, inner in enumerate(value):
                yield from places(inner, f"{path}[{index}]")
        case None | bool():
            return
        case _:
            if is_in(_whole(value)):
                yield path


def _whole(number: Any) -> str:
    """Return the digits before the point, where they are as many as a card's number has."""
    least, most = 10 ** (SHORTEST - 1), 10**LONGEST
    return str(int(number)) if least <= number < most or -most < number <= -least else ""


def _in_place_of(text: str, start: int, stop: int) -> str:
    """Return what to write instead, so that JSON stays JSON where the number is one of its own."""
    is_bare = text[start:stop].isdigit() and text[stop : stop + 1] in (",", "]", "}")
    return "null" if is_bare and text[:start].rstrip(" ")[-1:] in (":", "[", ",") else REMOVED


def _found(text: str, *, beginning: str) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(text):
        if run["innocent"] is None and len(run[0]) >= SHORTEST:
            yield from _within(run, beginning)


def _within(run: re.Match[str], beginning: str) -> Iterator[tuple[int, int]]:
    """Yield the groups of a run that make such a number together; none is in two of them."""
    groups = list(_DIGITS.finditer(run.string, run.start(), run.end()))
    first = 0
    while first < len(groups):
        last = _end_of_number(groups, first, beginning)
        if last is not None:
            yield groups[first].start(), groups[last].end()
        first = first + 1 if last is None else last + 1


def _end_of_number(groups: Sequence[re.Match[str]], first: int, beginning: str) -> int | None:
    digits = ""
    for last in range(first, len(groups)):
        digits += groups[last][0]
        if len(digits) > LONGEST:
            return None
        if len(digits) >= SHORTEST and digits[0] in beginning and _passes(digits):
            return last
    return None


def _passes(digits: str) -> bool:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
