"""The Message Filter by its laws, on generated policies and messages."""

import json
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wildrydes import errors, filters

SCOPES = st.sampled_from(["attributes", "body"])
KEYS = st.sampled_from(["a", "b", "c", "d"])  # few, so that policies and messages meet
TEXTS = st.text(alphabet="aAbß1", max_size=3)
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.1, 0.5, 1.0, -2.5, Decimal("0.1"), Decimal("1")])
SCALARS = TEXTS | NUMBERS | st.booleans() | st.none()
ADDRESSES = st.ip_addresses().map(str)
WILD = SCALARS | st.floats() | st.decimals() | st.binary() | st.integers() | ADDRESSES
VALUES = st.recursive(
    WILD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)
MESSAGES = st.dictionaries(KEYS, VALUES, max_size=4)


def _is_ascending(bounds: tuple[Any, ...]) -> bool:
    return bool(bounds[1] < bounds[3])


RANGES: st.SearchStrategy[tuple[Any, ...]] = st.tuples(
    st.sampled_from([">", ">="]), st.integers(-3, 0), st.sampled_from(["<", "<="]), NUMBERS
).filter(_is_ascending)
CONDITIONS = st.one_of(
    SCALARS,
    st.builds(lambda text: {"prefix": text}, TEXTS),
    st.builds(lambda text: {"suffix": text}, TEXTS),
    st.builds(lambda text: {"equals-ignore-case": text}, TEXTS),
    st.builds(lambda flag: {"exists": flag}, st.booleans()),
    st.builds(lambda values: {"anything-but": values}, SCALARS | st.lists(SCALARS, min_size=1)),
    st.builds(
        lambda text: {"anything-but": {"prefix": text}}, st.text("aA", min_size=1, max_size=2)
    ),
    st.builds(
        lambda op, n: {"numeric": [op, n]}, st.sampled_from(["=", "<", "<=", ">", ">="]), NUMBERS
    ),
    st.builds(lambda bounds: {"numeric": list(bounds)}, RANGES),
    st.builds(lambda address, n: {"cidr": f"{address}/{n}"}, ADDRESSES, st.integers(0, 32)),
)
LISTS = st.lists(CONDITIONS, min_size=1, max_size=3)
FLAT = st.dictionaries(KEYS, LISTS, min_size=1, max_size=3)


def _wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    either = st.lists(inner, min_size=2, max_size=3).map(lambda branches: {"$or": branches})
    return st.dictionaries(KEYS, LISTS | inner, min_size=1, max_size=2) | either


def _within_limits(policy: dict[str, Any]) -> bool:
    try:
        filters.validate(policy, "body")
    except errors.ConfigurationError as error:
        assert " keys; at most" in str(error) or " combinations" in str(error)  # noqa: PT017
        return False
    return True


POLICIES = st.recursive(FLAT, _wider, max_leaves=4).filter(_within_limits)

JUNK = st.recursive(
    WILD | st.sampled_from(["$or", "numeric", "prefix", ">=", "<"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["a", "$or", "$and", "", "numeric", "anything-but", "cidr", "exists"]),
            inner,
            max_size=3,
        )
    ),
)


def matches(policy: dict[str, Any], message: dict[str, Any]) -> bool:
    return filters.matches(policy, message, "body")


def passes(condition: Any, value: Any) -> bool:
    return matches({"key": [condition]}, {"key": value})


@given(POLICIES, MESSAGES)
def test_a_valid_policy_answers_for_every_message(
    policy: dict[str, Any], message: dict[str, Any]
) -> None:
    assert matches(policy, message) in (True, False)


@given(JUNK, SCOPES, MESSAGES)
def test_a_policy_is_either_refused_by_name_or_safe_to_match(
    policy: Any, scope: str, message: dict[str, Any]
) -> None:
    try:
        filters.validate(policy, scope)
    except errors.ConfigurationError as error:
        assert str(error).startswith("filter policy")  # noqa: PT017
    else:
        assert filters.matches(policy, message, scope) in (True, False)


@given(POLICIES, MESSAGES)
def test_neither_policy_nor_message_is_changed(
    policy: dict[str, Any], message: dict[str, Any]
) -> None:
    before = repr((policy, message))
    matches(policy, message)
    assert repr((policy, message)) == before


@given(POLICIES, MESSAGES)
def test_the_order_of_keys_and_values_makes_no_difference(
    policy: dict[str, Any], message: dict[str, Any]
) -> None:
    assert matches(_reversed(policy), message) == matches(policy, message)


def _reversed(policy: Any) -> Any:
    turned = {}
    for key, rule in reversed(policy.items()):
        if isinstance(rule, dict):
            turned[key] = _reversed(rule)
        elif key == "$or":
            turned[key] = [_reversed(branch) for branch in reversed(rule)]
        else:
            turned[key] = rule[::-1]
    return turned


@given(POLICIES, MESSAGES)
def test_a_policy_is_the_conjunction_of_its_keys(
    policy: dict[str, Any], message: dict[str, Any]
) -> None:
    one_by_one = [matches({key: rule}, message) for key, rule in policy.items()]
    assert matches(policy, message) == all(one_by_one)


@given(KEYS, LISTS, MESSAGES)
def test_a_list_is_the_disjunction_of_its_conditions(
    key: str, conditions: list[Any], message: dict[str, Any]
) -> None:
    one_by_one = [matches({key: [condition]}, message) for condition in conditions]
    assert matches({key: conditions}, message) == any(one_by_one)


@given(st.lists(POLICIES, min_size=2, max_size=3), MESSAGES)
def test_or_is_the_disjunction_of_its_branches(
    branches: list[dict[str, Any]], message: dict[str, Any]
) -> None:
    assert matches({"$or": branches}, message) == any(
        matches(branch, message) for branch in branches
    )


@given(CONDITIONS, st.lists(VALUES, min_size=1, max_size=4))
def test_an_array_matches_when_any_element_does(condition: Any, elements: list[Any]) -> None:
    if condition == {"exists": False}:
        expected = all(passes(condition, element) for element in elements)
    else:
        expected = any(passes(condition, element) for element in elements)
    assert passes(condition, elements) == expected


@given(POLICIES, st.lists(MESSAGES, min_size=1, max_size=3))
def test_a_nested_policy_holds_when_it_holds_for_one_element(
    policy: dict[str, Any], elements: list[dict[str, Any]]
) -> None:
    expected = any(matches(policy, element) for element in elements)
    assert matches({"outer": policy}, {"outer": elements}) == expected


@given(POLICIES, WILD)
def test_without_an_object_a_nested_policy_sees_an_empty_one(
    policy: dict[str, Any], value: Any
) -> None:
    assert matches({"outer": policy}, {"outer": value}) == matches(policy, {})
    assert matches({"outer": policy}, {}) == matches(policy, {})


@given(SCALARS)
def test_every_scalar_matches_itself_and_not_anything_but_itself(value: Any) -> None:
    assert passes(value, value)
    assert not passes({"anything-but": value}, value)


@given(SCALARS, WILD)
def test_anything_but_is_the_opposite_of_exact_on_a_leaf(excluded: Any, value: Any) -> None:
    assert passes({"anything-but": excluded}, value) != passes(excluded, value)


@given(st.lists(SCALARS, min_size=1), WILD)
def test_anything_but_a_list_excludes_each_of_its_values(excluded: list[Any], value: Any) -> None:
    each = [passes({"anything-but": one}, value) for one in excluded]
    assert passes({"anything-but": excluded}, value) == all(each)


@given(KEYS, MESSAGES)
def test_a_key_either_exists_or_does_not(key: str, message: dict[str, Any]) -> None:
    present = matches({key: [{"exists": True}]}, message)
    assert matches({key: [{"exists": False}]}, message) != present


@given(SCALARS, SCALARS)
def test_exact_is_equality_of_json_values(left: Any, right: Any) -> None:
    assert passes(left, right) == (_kind(left) == _kind(right) and _same(left, right))


def _kind(value: Any) -> str:
    return "number" if type(value) in (int, float, Decimal) else type(value).__name__


def _same(left: Any, right: Any) -> bool:
    if _kind(left) == "number":
        return Fraction(str(left)) == Fraction(str(right))
    return bool(left == right)


@given(
    st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    st.integers() | st.floats() | st.decimals(),
)
def test_a_number_stands_in_one_relation_to_a_finite_bound(bound: Any, value: Any) -> None:
    below, same, above = (passes({"numeric": [op, bound]}, value) for op in ("<", "=", ">"))

    assert below + same + above == Decimal(value).is_finite()
    assert passes({"numeric": ["<=", bound]}, value) == (below or same)
    assert passes({"numeric": [">=", bound]}, value) == (above or same)


@given(RANGES, WILD)
def test_a_range_is_both_of_its_bounds(bounds: tuple[Any, ...], value: Any) -> None:
    halves = [{"numeric": list(bounds[:2])}, {"numeric": list(bounds[2:])}]
    assert passes({"numeric": list(bounds)}, value) == all(passes(half, value) for half in halves)


@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses(), st.integers(0, 128))
def test_cidr_compares_the_leading_bits(base: Any, length: int, other: Any, flipped: int) -> None:
    length, flipped = min(length, base.max_prefixlen), flipped % base.max_prefixlen
    near = _flip(base, flipped)
    condition = {"cidr": f"{base}/{length}"}
    filters.validate({"key": [condition]}, "attributes")

    assert passes(condition, str(base))
    assert passes(condition, str(near)) == (flipped < base.max_prefixlen - length)
    if other.version != base.version:
        assert not passes(condition, str(other))


def _flip(address: Any, bit: int) -> Any:
    return type(address)(int(address) ^ (1 << bit))


@given(TEXTS, TEXTS)
def test_text_operators_agree_with_python(operand: str, value: str) -> None:
    assert passes({"prefix": operand}, value) == value.startswith(operand)
    assert passes({"suffix": operand}, value) == value.endswith(operand)
    assert passes({"equals-ignore-case": operand}, value) == (
        value.casefold() == operand.casefold()
    )


@given(POLICIES, MESSAGES)
def test_a_policy_means_the_same_after_a_journey_through_json(
    policy: dict[str, Any], message: dict[str, Any]
) -> None:
    again = json.loads(json.dumps(policy, default=float))
    filters.validate(again, "body")
    assert matches(again, message) == matches(policy, message)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5))
def test_more_than_150_combinations_are_refused(lengths: list[int]) -> None:
    policy = {f"k{index}": list(range(length)) for index, length in enumerate(lengths)}
    if math.prod(lengths) <= 150:
        filters.validate(policy, "attributes")
    else:
        with pytest.raises(errors.ConfigurationError, match="150 combinations"):
            filters.validate(policy, "attributes")
