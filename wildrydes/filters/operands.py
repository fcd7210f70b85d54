"""The conditions that stand in a key's list, and what each operator takes as its operand."""

import reprlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from wildrydes import errors
from wildrydes.filters import values

_LOWER_BOUNDS = (">", ">=")
_UPPER_BOUNDS = ("<", "<=")
_PRINTABLE = 10**18  # Python refuses to print integers of more than 4300 digits


def check_condition(condition: object) -> None:
    """Refuse what cannot stand in a key's list with ConfigurationError.

    The error's text says what was wrong; the caller adds the key.
    """
    if not isinstance(condition, Mapping):
        _check_scalar(condition)
        return
    if len(condition) != 1:
        raise errors.ConfigurationError(
            f"a condition has exactly one operator, not {len(condition)}"
        )
    ((operator, operand),) = condition.items()
    if not isinstance(operator, str) or operator not in CHECKS:
        known = ", ".join(sorted(CHECKS))
        raise errors.ConfigurationError(f"unknown operator {shown(operator)}; known are {known}")
    CHECKS[operator](operator, operand)


def shown(value: object) -> str:
    """Describe a value for an error's text, in a few words however large or deep it is."""
    if isinstance(value, values.OBJECTS):
        return "an object" if value else "an empty object"
    if isinstance(value, values.ARRAYS):
        return "a list" if value else "an empty list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int) and abs(value) > _PRINTABLE:
        return "a very large number"
    if isinstance(value, str | int | float | Decimal):
        return reprlib.repr(value)
    return f"a Python {type(value).__name__}"


def _check_scalar(value: object) -> None:
    if value is None or isinstance(value, str | bool) or values.is_finite_number(value):
        return
    raise errors.ConfigurationError(
        f"{shown(value)} is not a string, finite number, boolean, null or condition"
    )


def _check_text(operator: str, operand: object) -> None:
    if not isinstance(operand, str):
        raise errors.ConfigurationError(f"{operator} takes a string, not {shown(operand)}")


def _check_exists(operator: str, operand: object) -> None:
    if not isinstance(operand, bool):
        raise errors.ConfigurationError(f"{operator} takes true or false, not {shown(operand)}")


def _check_cidr(operator: str, operand: object) -> None:
    _check_text(operator, operand)
    try:
        values.network(str(operand))
    except ValueError:
        raise errors.ConfigurationError(
            f"{operator} takes an address, a slash and a prefix length, not {shown(operand)}"
        ) from None


def _check_anything_but(operator: str, operand: object) -> None:
    if isinstance(operand, Mapping):
        _check_excluded_prefix(operator, operand)
        return
    excluded = operand if isinstance(operand, list | tuple) else [operand]
    if not excluded:
        raise errors.ConfigurationError(f"{operator} takes a non-empty list")
    for value in excluded:
        try:
            _check_scalar(value)
        except errors.ConfigurationError:
            raise errors.ConfigurationError(
                f"{operator} takes strings, finite numbers, booleans, null "
                f"or a prefix, not {shown(value)}"
            ) from None


def _check_excluded_prefix(operator: str, operand: Mapping[Any, Any]) -> None:
    prefix = operand.get("prefix")
    if len(operand) != 1 or not isinstance(prefix, str) or not prefix:
        raise errors.ConfigurationError(
            f"{operator} takes as its object only a prefix, a non-empty string"
        )


def _check_numeric(operator: str, operand: object) -> None:
    if not isinstance(operand, list | tuple) or len(operand) not in (2, 4):
        raise errors.ConfigurationError(
            f"{operator} takes a list of a comparison and a number, or of two of each"
        )
    for comparison, bound in zip(operand[::2], operand[1::2], strict=True):
        _check_bound(operator, comparison, bound)
    if len(operand) == 4:
        _check_range(operator, *operand)


def _check_bound(operator: str, comparison: object, bound: object) -> None:
    if not isinstance(comparison, str) or comparison not in values.COMPARISONS:
        known = ", ".join(values.COMPARISONS)
        raise errors.ConfigurationError(
            f"{operator} compares with one of {known}, not {shown(comparison)}"
        )
    if not values.is_finite_number(bound):
        raise errors.ConfigurationError(
            f"{operator} compares with a finite number, not {shown(bound)}"
        )


def _check_range(operator: str, low: str, bottom: Any, high: str, top: Any) -> None:
    if low not in _LOWER_BOUNDS or high not in _UPPER_BOUNDS:
        raise errors.ConfigurationError(
            f"{operator} range needs its lower bound (> or >=) first, then < or <="
        )
    if not values.compare(bottom, "<", top):
        raise errors.ConfigurationError(
            f"{operator} range needs its lower bound below its upper bound"
        )


CHECKS: dict[str, Callable[[str, object], None]] = {
    "anything-but": _check_anything_but,
    "cidr": _check_cidr,
    "equals-ignore-case": _check_text,
    "exists": _check_exists,
    "numeric": _check_numeric,
    "prefix": _check_text,
    "suffix": _check_text,
}
