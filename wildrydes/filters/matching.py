"""The matching half of the Message Filter; runs once per message and subscription in the relay."""

from collections.abc import Callable, Mapping
from typing import Any

from wildrydes.filters import validation, values

_ABSENT: tuple[Any, ...] = ()  # an absent key and an empty array have the same leaves: none


def matches(policy: Mapping[str, Any], message: Mapping[str, Any], scope: str) -> bool:
    """Tell whether the policy lets the message through.

    The policy must have passed `validate`. `message` is the attributes or the body, as `scope`
    says, in plain Python values; none of them makes this raise. What is no object has no fields.
    """
    validation.require_scope(scope)
    return _object_matches(policy, message if isinstance(message, Mapping) else {})


def _object_matches(policy: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    return all(_key_matches(key, rule, message) for key, rule in policy.items())


def _key_matches(key: str, rule: Any, message: Mapping[str, Any]) -> bool:
    if key == validation.OR:
        return any(_object_matches(branch, message) for branch in rule)
    found = message.get(key, _ABSENT)
    if isinstance(rule, values.ARRAYS):
        leaves = values.leaves(found)
        return any(_condition_matches(condition, leaves) for condition in rule)
    # With no object there, an empty one stands in, so that a nested exists:false can hold.
    return any(_object_matches(rule, inner) for inner in values.objects(found) or ({},))


def _condition_matches(condition: Any, leaves: tuple[Any, ...]) -> bool:
    if isinstance(condition, values.SCALARS):
        return any(values.equal(condition, leaf) for leaf in leaves)
    ((operator, operand),) = condition.items()
    if operator == "exists":
        return bool(leaves) is operand
    test = OPERATORS[operator]
    return any(test(operand, leaf) for leaf in leaves)


def _has_prefix(prefix: str, value: object) -> bool:
    return isinstance(value, str) and value.startswith(prefix)


def _has_suffix(suffix: str, value: object) -> bool:
    return isinstance(value, str) and value.endswith(suffix)


def _equals_ignoring_case(text: str, value: object) -> bool:
    return isinstance(value, str) and value.casefold() == text.casefold()


def _is_anything_but(excluded: Any, value: object) -> bool:
    if isinstance(excluded, values.SCALARS):
        return not values.equal(excluded, value)
    if isinstance(excluded, values.ARRAYS):
        return not any(values.equal(one, value) for one in excluded)
    return not _has_prefix(excluded["prefix"], value)


def _is_within(bounds: list[Any], value: Any) -> bool:
    if not values.is_finite_number(value):
        return False
    if not values.compare(value, bounds[0], bounds[1]):
        return False
    return len(bounds) == 2 or values.compare(value, bounds[2], bounds[3])


OPERATORS: dict[str, Callable[[Any, object], bool]] = {
    "prefix": _has_prefix,
    "suffix": _has_suffix,
    "equals-ignore-case": _equals_ignoring_case,
    "anything-but": _is_anything_but,
    "numeric": _is_within,
    "cidr": values.in_network,
}
