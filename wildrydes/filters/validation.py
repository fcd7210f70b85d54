"""The validating half of the Message Filter: a malformed policy never reaches matching."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from wildrydes import errors
from wildrydes.filters import operands, values

OR = "$or"
SCOPES = ("attributes", "body")
MAX_COMBINATIONS = 150
MAX_KEYS = 5
MAX_DEPTH = 32


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where in a policy we are: as shown to its author, and as the keys that lead there."""

    shown: str = ""
    keys: tuple[str, ...] = ()
    depth: int = 1

    def key(self, key: str) -> "_Place":
        return _Place(self._joined(key), (*self.keys, key), self.depth + 1)

    def branch(self, index: int) -> "_Place":
        return _Place(self._joined(f"{OR}[{index}]"), self.keys, self.depth + 1)

    def _joined(self, step: str) -> str:
        return f"{self.shown}.{step}" if self.shown else step


@dataclasses.dataclass(frozen=True)
class _Extent:
    """What a policy, or a part of one, counts towards the limits."""

    combinations: int
    keys: frozenset[tuple[str, ...]]


def require_scope(scope: str) -> None:
    """Refuse a scope that is neither "attributes" nor "body" with ConfigurationError."""
    if scope not in SCOPES:
        raise errors.ConfigurationError(
            f"filter policy scope must be one of {', '.join(SCOPES)}, not {operands.shown(scope)}"
        )


def validate(policy: object, scope: str) -> None:
    """Refuse a malformed policy with ConfigurationError.

    The error's text names the key, nested ones as in `a.b`, and says what was wrong with it.
    """
    require_scope(scope)
    if not isinstance(policy, Mapping):
        raise errors.ConfigurationError(
            f"filter policy must be an object, not {operands.shown(policy)}"
        )
    _check_limits(_check_object(policy, _Place(), scope))


def _check_limits(extent: _Extent) -> None:
    keys = ", ".join(sorted(".".join(path) for path in extent.keys))
    if len(extent.keys) > MAX_KEYS:
        _refuse(keys, f"{len(extent.keys)} keys; at most {MAX_KEYS} are allowed")
    if extent.combinations > MAX_COMBINATIONS:
        # The number stays out of the text: it may have more digits than Python will print.
        _refuse(keys, f"more than {MAX_COMBINATIONS} combinations of values")


def _check_object(policy: Mapping[Any, Any], at: _Place, scope: str) -> _Extent:
    if at.depth > MAX_DEPTH:
        _refuse(at.shown, f"nested deeper than {MAX_DEPTH}")
    parts = [_check_key(key, rule, at, scope) for key, rule in policy.items()]
    combinations = math.prod(part.combinations for part in parts)
    return _Extent(combinations, _all_keys(parts))


def _check_key(key: object, rule: object, at: _Place, scope: str) -> _Extent:
    if not isinstance(key, str) or not key:
        shown = at.key(operands.shown(key)).shown
        _refuse(shown, "a key must be a non-empty string")
    if key == OR:
        return _check_or(rule, at, scope)
    place = at.key(key)
    if key.startswith("$"):
        _refuse(place.shown, f"unknown operator; the only key that starts with $ is {OR}")
    if isinstance(rule, Mapping):
        return _check_nested(rule, place, scope)
    return _check_list(rule, place)


def _check_or(branches: object, at: _Place, scope: str) -> _Extent:
    shown = at.key(OR).shown
    if not isinstance(branches, list | tuple) or len(branches) < 2:
        _refuse(shown, "must be a list of two or more objects")
    parts = []
    for index, branch in enumerate(branches):
        place = at.branch(index)
        if not isinstance(branch, Mapping) or not branch:
            _refuse(place.shown, f"must be a non-empty object, not {operands.shown(branch)}")
        parts.append(_check_object(branch, place, scope))
    return _Extent(sum(part.combinations for part in parts), _all_keys(parts))


def _check_nested(rule: Mapping[Any, Any], at: _Place, scope: str) -> _Extent:
    if scope == "attributes":
        _refuse(at.shown, "must be a list: attributes are flat, only the body has nested objects")
    if not rule:
        _refuse(at.shown, "must not be an empty object")
    for key, value in rule.items():
        if _is_meant_as_operator(key, value):
            _refuse(at.shown, f"has the operator {key!r} outside a list: write [{{{key!r}: …}}]")
    return _check_object(rule, at, scope)


def _is_meant_as_operator(key: object, value: object) -> bool:
    """Tell whether a nested key can hardly be a field of a message."""
    if key == "numeric":
        return isinstance(value, list | tuple) and bool(value) and value[0] in values.COMPARISONS
    return key in ("anything-but", "equals-ignore-case")


def _check_list(rule: object, at: _Place) -> _Extent:
    if not isinstance(rule, list | tuple):
        _refuse(at.shown, f"must be a list of values, not {operands.shown(rule)}")
    if not rule:
        _refuse(at.shown, "must not be an empty list")
    for condition in rule:
        try:
            operands.check_condition(condition)
        except errors.ConfigurationError as error:
            raise _refusal(at.shown, str(error)) from None
    return _Extent(len(rule), frozenset({at.keys}))


def _all_keys(parts: list[_Extent]) -> frozenset[tuple[str, ...]]:
    return frozenset[tuple[str, ...]]().union(*(part.keys for part in parts))


def _refuse(key: str, problem: str) -> NoReturn:
    raise _refusal(key, problem)


def _refusal(key: str, problem: str) -> errors.ConfigurationError:
    shown = key if len(key) <= 200 else f"{key[:100]}…{key[-100:]}"
    return errors.ConfigurationError(f"filter policy at '{shown}': {problem}")
