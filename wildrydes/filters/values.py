"""The values of policies and messages: what is a number, an array, a leaf, a network.

Python would say that True == 1 and that Decimal("0.1") != 0.1; a filter must say neither.
"""

import functools
import ipaddress
import math
import operator
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

Number: TypeAlias = int | float | Decimal
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

NUMBERS = (int, float, Decimal)
SCALARS = (str, int, float, Decimal, type(None))
ARRAYS = (list, tuple)
OBJECTS = (dict, Mapping)  # dict first: it spares the slower abstract check in most cases

COMPARISONS = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def is_finite_number(value: object) -> bool:
    """Tell whether `value` can be compared as a number; booleans, NaN and infinities cannot."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return True  # math.isfinite overflows on integers that no float can hold
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, Decimal) and value.is_finite()


def compare(left: Number, comparison: str, right: Number) -> bool:
    """Compare two finite numbers; beside a Decimal, a float counts as the decimal it prints as."""
    if isinstance(left, Decimal) and isinstance(right, float):
        right = _as_printed(right)
    elif isinstance(left, float) and isinstance(right, Decimal):
        left = _as_printed(left)
    return bool(COMPARISONS[comparison](left, right))


def _as_printed(number: float) -> Decimal:
    # float.__repr__ and not repr: a subclass such as numpy's prints what Decimal cannot read.
    return Decimal(float.__repr__(number))


def equal(left: object, right: object) -> bool:
    """Tell whether two scalars are the same JSON value: 1 and 1.0 are, 1 and true are not."""
    if isinstance(left, str):
        return isinstance(right, str) and left == right
    if left is None or isinstance(left, bool):
        return left is right
    if is_finite_number(left) and is_finite_number(right):
        return compare(left, "=", right)  # type: ignore[arg-type]
    return False


def leaves(found: Any) -> tuple[Any, ...]:
    """Return the leaves of what stands at a key: itself, or an array's elements, but no object."""
    if isinstance(found, SCALARS):
        return (found,)
    return tuple(element for element in _flattened(found) if not isinstance(element, OBJECTS))


def objects(found: Any) -> tuple[Mapping[str, Any], ...]:
    """Return the objects that stand at a key: itself, or those among an array's elements."""
    if isinstance(found, OBJECTS):
        return (found,)
    return tuple(element for element in _flattened(found) if isinstance(element, OBJECTS))


def _flattened(found: Any) -> Iterator[Any]:
    # A stack, not recursion: a message may nest deeper than Python's stack. Arrays already seen
    # are skipped, or one that holds itself would never end.
    stack, seen = [found], set()
    while stack:
        element = stack.pop()
        if not isinstance(element, ARRAYS):
            yield element
        elif id(element) not in seen:
            seen.add(id(element))
            stack.extend(element)


@functools.lru_cache(maxsize=1024)
def network(cidr: str) -> Network:
    """Parse "address/prefix length", masking the host bits; ValueError when it is not that.

    ipaddress also reads netmasks, bare addresses and scope ids, which the policy language has not.
    """
    _, slash, length = cidr.partition("/")
    if not slash or not (length.isascii() and length.isdigit()) or "%" in cidr:
        raise ValueError("not an address, a slash and a prefix length")
    return ipaddress.ip_network(cidr, strict=False)


def in_network(cidr: str, value: object) -> bool:
    """Tell whether `value` is the text of an address in the network, in the same family."""
    if not isinstance(value, str):
        return False
    block = network(cidr)
    try:
        if block.version == 4:
            return ipaddress.IPv4Address(value) in block
        return ipaddress.IPv6Address(value) in block
    except ValueError:
        return False
