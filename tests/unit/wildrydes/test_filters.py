"""The Message Filter by example: what a policy lets through, and which policies are refused."""

import collections
import datetime
import types
import uuid
from decimal import Decimal
from typing import Any

import pytest

from wildrydes import errors, filters

NAN = float("nan")
INFINITY = float("inf")

EXTRAORDINARY = {"fare": [{"numeric": [">=", 50]}], "distance": [{"numeric": [">=", 20]}]}


def lets_through(conditions: Any, value: Any, scope: str = "body") -> bool:
    """Validate a one-key policy, then match it with a message that has `value` at that key."""
    policy = {"key": conditions}
    filters.validate(policy, scope)
    return filters.matches(policy, {"key": value}, scope)


def body_matches(policy: dict[str, Any], body: dict[str, Any]) -> bool:
    filters.validate(policy, "body")
    return filters.matches(policy, body, "body")


def refusal(policy: Any, scope: str = "body") -> str:
    with pytest.raises(errors.ConfigurationError) as caught:
        filters.validate(policy, scope)
    return str(caught.value)


def nested(levels: int) -> dict[str, Any]:
    policy: dict[str, Any] = {"a": ["x"]}
    for _ in range(levels - 1):
        policy = {"a": policy}
    return policy


# Keys and values


@pytest.mark.parametrize("scope", ["attributes", "body"])
@pytest.mark.parametrize("message", [{}, {"fare": 1}, {"a": {"b": []}}])
def test_an_empty_policy_lets_everything_through(scope: str, message: dict[str, Any]) -> None:
    filters.validate({}, scope)
    assert filters.matches({}, message, scope)


@pytest.mark.parametrize(
    ("fare", "distance", "expected"),
    [
        (256.50, 600, True),
        (50, 20, True),
        (Decimal("50.00"), Decimal("20"), True),
        (49.99, 600, False),
        (256.50, 19.99, False),
        ("256.50", 600, False),
    ],
)
def test_every_key_of_the_extraordinary_rides_policy_must_match(
    fare: Any, distance: Any, expected: bool
) -> None:
    assert body_matches(EXTRAORDINARY, {"fare": fare, "distance": distance}) is expected


@pytest.mark.parametrize(
    ("to", "expected"), [("Paarl", True), ("Wellington", True), ("Berlin", False), ("paarl", False)]
)
def test_any_value_of_a_list_may_match(to: str, expected: bool) -> None:
    assert lets_through(["Paarl", "Wellington"], to) is expected


@pytest.mark.parametrize("condition", ["x", {"prefix": ""}, {"anything-but": "x"}, None])
def test_an_absent_key_matches_no_condition_on_its_value(condition: Any) -> None:
    assert not body_matches({"key": [condition]}, {"other": "x"})


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (1, 1),
        (1, 1.0),
        (1.0, 1),
        (0.1, Decimal("0.1")),
        (Decimal("0.1"), 0.1),
        (50, Decimal("50.00")),
        (0, -0.0),
        (10**400, 10**400),
        ("", ""),
        ("\ud800", "\ud800"),
        (True, True),
        (False, False),
        (None, None),
    ],
)
def test_equal_values_match_exactly(wanted: Any, value: Any) -> None:
    assert lets_through([wanted], value)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        (1, True),
        (True, 1),
        (True, 1.0),
        (0, False),
        (False, 0),
        (1, Decimal("1.1")),
        (1, "1"),
        ("1", 1),
        ("true", True),
        (True, "true"),
        (True, False),
        (None, False),
        (None, ""),
        (None, "null"),
        (False, None),
        ("", None),
        (0, None),
        (0.1, Decimal.from_float(0.1)),
        (0, NAN),
        (0, Decimal("sNaN")),
        (10**400, INFINITY),
    ],
)
def test_values_of_different_kinds_or_sizes_do_not_match_exactly(wanted: Any, value: Any) -> None:
    assert not lets_through([wanted], value)


# Operators


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"prefix": "Cape"}, "Cape Town", True),
        ({"prefix": "Cape"}, "Cape", True),
        ({"prefix": "Cape"}, "cape town", False),
        ({"prefix": "Cape"}, "The Cape", False),
        ({"prefix": ""}, "anything", True),
        ({"prefix": "1"}, 10, False),
        ({"suffix": "Town"}, "Cape Town", True),
        ({"suffix": "Town"}, "Town Cape", False),
        ({"suffix": "e"}, None, False),
        ({"equals-ignore-case": "cape TOWN"}, "Cape Town", True),
        ({"equals-ignore-case": "STRASSE"}, "Straße", True),
        ({"equals-ignore-case": "true"}, True, False),
        ({"equals-ignore-case": "cape"}, "Cape Town", False),
    ],
)
def test_text_operators_look_at_strings_only(condition: Any, value: Any, expected: bool) -> None:
    assert lets_through([condition], value) is expected


@pytest.mark.parametrize(
    ("excluded", "value", "expected"),
    [
        ("Paarl", "Wellington", True),
        ("Paarl", "Paarl", False),
        (["Paarl"], "Paarl", False),
        (["Paarl", 1], "Wellington", True),
        (["Paarl", 1], 1.0, False),
        ([1], True, True),
        ([1], "1", True),
        ([None], None, False),
        (None, None, False),
        (None, 0, True),
        (True, 1, True),
        (1, NAN, True),
        (1, INFINITY, True),
        ({"prefix": "Cape"}, "Cape Town", False),
        ({"prefix": "Cape"}, "Paarl", True),
        ({"prefix": "Cape"}, 5, True),
        ({"prefix": "Cape"}, None, True),
        ("Paarl", {}, False),
        ("Paarl", [], False),
        ("Paarl", ["Paarl"], False),
        ("Paarl", ["Paarl", "Wellington"], True),
    ],
)
def test_anything_but_needs_a_leaf_that_is_not_excluded(
    excluded: Any, value: Any, expected: bool
) -> None:
    assert lets_through([{"anything-but": excluded}], value) is expected


@pytest.mark.parametrize(
    ("bounds", "value", "expected"),
    [
        (["=", 50], 50.0, True),
        (["=", 50], 50.01, False),
        (["<", 50], 49.99, True),
        (["<", 50], 50, False),
        (["<=", 50], 50, True),
        ([">", 50], 50, False),
        ([">", 50], Decimal("50.01"), True),
        ([">=", 50], 50, True),
        ([">=", 50], "50", False),
        ([">=", 0], True, False),
        ([">=", 0], None, False),
        ([">=", 0], NAN, False),
        ([">=", 0], INFINITY, False),
        ([">=", 0], Decimal("NaN"), False),
        ([">=", 0], Decimal("sNaN"), False),
        ([">=", 0], Decimal("Infinity"), False),
        ([">=", 0.5], 10**400, True),
        ([">=", 0.5], Decimal("1E+999999"), True),
        ([">=", 0.1], Decimal("0.1"), True),
        (["<", -1], -1.5, True),
        ([">=", 50, "<", 1000], 50, True),
        ([">=", 50, "<", 1000], 1000, False),
        ([">", 50, "<=", 1000], 50, False),
        ([">", 50, "<=", 1000], 1000, True),
        ([">", 50, "<=", 1000], 1001, False),
    ],
)
def test_numeric_compares_numbers_only(bounds: Any, value: Any, expected: bool) -> None:
    assert lets_through([{"numeric": bounds}], value) is expected


@pytest.mark.parametrize("leaf", [None, False, 0, "", NAN, "x", [None], [[], ["x"]], [{}, 1]])
def test_exists_sees_every_leaf(leaf: Any) -> None:
    assert lets_through([{"exists": True}], leaf)
    assert not lets_through([{"exists": False}], leaf)


@pytest.mark.parametrize("value", [{}, {"inner": 1}, [], [[]], [{"inner": 1}]])
def test_exists_takes_neither_objects_nor_empty_arrays_for_leaves(value: Any) -> None:
    assert not lets_through([{"exists": True}], value)
    assert lets_through([{"exists": False}], value)


@pytest.mark.parametrize("scope", ["attributes", "body"])
def test_exists_false_holds_where_the_key_is_absent(scope: str) -> None:
    assert filters.matches({"promo": [{"exists": False}]}, {"to": "Paarl"}, scope)
    assert not filters.matches({"promo": [{"exists": True}]}, {"to": "Paarl"}, scope)


def test_exists_false_may_stand_beside_a_value() -> None:
    policy = {"promo": [{"exists": False}, "none"]}

    assert body_matches(policy, {})
    assert body_matches(policy, {"promo": "none"})
    assert not body_matches(policy, {"promo": "SUMMER"})


@pytest.mark.parametrize(
    ("block", "value", "expected"),
    [
        ("10.0.0.0/24", "10.0.0.0", True),
        ("10.0.0.0/24", "10.0.0.255", True),
        ("10.0.0.0/24", "10.0.1.0", False),
        ("10.0.0.77/24", "10.0.0.1", True),
        ("0.0.0.0/0", "255.255.255.255", True),
        ("10.0.0.1/32", "10.0.0.1", True),
        ("10.0.0.1/32", "10.0.0.2", False),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("2001:db8::/32", "2001:DB8:0:0::1", True),
        ("2001:db8::/32", "2001:db9::1", False),
        ("::/0", "10.0.0.1", False),
        ("0.0.0.0/0", "::1", False),
        ("0.0.0.0/0", "::ffff:10.0.0.1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("10.0.0.0/8", "10.0.0.0/8", False),
        ("10.0.0.0/8", "10.0.0", False),
        ("10.0.0.0/8", " 10.0.0.1", False),
        ("10.0.0.0/8", "", False),
        ("10.0.0.0/8", "Paarl", False),
        ("10.0.0.0/8", 167772161, False),
        ("10.0.0.0/8", b"\x0a\x00\x00\x01", False),
        ("10.0.0.0/8", None, False),
    ],
)
def test_cidr_matches_addresses_of_its_own_family(block: str, value: Any, expected: bool) -> None:
    assert lets_through([{"cidr": block}], value) is expected


# $or


@pytest.mark.parametrize("scope", ["attributes", "body"])
def test_one_branch_of_an_or_is_enough_and_the_keys_beside_it_must_match_too(scope: str) -> None:
    policy = {"to": ["Paarl"], "$or": [{"fare": [{"numeric": [">=", 50]}]}, {"vip": [True]}]}
    filters.validate(policy, scope)

    assert filters.matches(policy, {"to": "Paarl", "fare": 50}, scope)
    assert filters.matches(policy, {"to": "Paarl", "fare": 1, "vip": True}, scope)
    assert not filters.matches(policy, {"to": "Paarl", "fare": 1}, scope)
    assert not filters.matches(policy, {"to": "Berlin", "fare": 50}, scope)


def test_an_or_may_stand_in_an_or_and_in_a_nested_object() -> None:
    inner = {"$or": [{"b": [2]}, {"c": [3]}]}
    policy = {"ride": {"$or": [{"a": [1]}, inner]}}

    assert body_matches(policy, {"ride": {"a": 1}})
    assert body_matches(policy, {"ride": {"b": 0, "c": 3}})
    assert not body_matches(policy, {"ride": {"a": 0}, "a": 1})


def test_all_keys_of_one_branch_must_match() -> None:
    policy = {"$or": [{"a": [1], "b": [1]}, {"a": [2], "b": [2]}]}

    assert body_matches(policy, {"a": 2, "b": 2})
    assert not body_matches(policy, {"a": 1, "b": 2})


# Arrays and nesting


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["Berlin", "Paarl"], True),
        (("Berlin", "Paarl"), True),
        ([["Berlin"], [["Paarl"]]], True),
        ([{"to": "Paarl"}, "Paarl"], True),
        (["Berlin"], False),
        ([{"key": "Paarl"}], False),
        ([], False),
    ],
)
def test_an_array_matches_when_any_element_does(value: Any, expected: bool) -> None:
    assert lets_through(["Paarl"], value) is expected
    assert lets_through(["Paarl"], value, "attributes") is expected


def test_the_body_scope_descends_into_objects() -> None:
    policy = {"ride": {"route": {"to": ["Paarl"]}, "fare": [{"numeric": [">", 1]}]}}

    assert body_matches(policy, {"ride": {"route": {"to": "Paarl"}, "fare": 2}})
    assert not body_matches(policy, {"ride": {"route": {"to": "Paarl"}, "fare": 1}})
    assert not body_matches(policy, {"ride": {"to": "Paarl", "fare": 2}})
    assert not body_matches(policy, {"ride": "Paarl"})


def test_a_nested_policy_must_hold_within_one_and_the_same_element() -> None:
    policy = {"stops": {"to": ["Paarl"], "fare": [2]}}

    assert body_matches(policy, {"stops": [{"to": "Berlin"}, {"to": "Paarl", "fare": 2}]})
    assert body_matches(policy, {"stops": [[{"to": "Paarl", "fare": 2}], 7]})
    assert not body_matches(
        policy, {"stops": [{"to": "Paarl", "fare": 1}, {"to": "Berlin", "fare": 2}]}
    )


@pytest.mark.parametrize("ride", [None, "x", [], [1, None], {}, [{}]])
def test_a_nested_exists_false_holds_where_there_is_no_such_object(ride: Any) -> None:
    assert body_matches({"ride": {"promo": [{"exists": False}]}}, {"ride": ride})
    assert body_matches({"ride": {"promo": [{"exists": False}]}}, {})
    assert not body_matches({"ride": {"promo": [{"exists": True}]}}, {"ride": ride})


def test_a_dotted_key_is_one_key_and_not_a_path() -> None:
    assert body_matches({"a.b": [1]}, {"a.b": 1})
    assert not body_matches({"a.b": [1]}, {"a": {"b": 1}})


def test_a_nested_key_may_be_called_like_an_operator() -> None:
    assert body_matches({"number": {"prefix": ["+27"]}}, {"number": {"prefix": "+27"}})


def test_matching_a_default_dict_adds_no_key_to_it() -> None:
    message: dict[str, Any] = collections.defaultdict(list)

    assert filters.matches({"promo": [{"exists": False}]}, message, "body")
    assert not message


def test_policies_and_messages_may_be_read_only_mappings() -> None:
    condition = types.MappingProxyType({"prefix": "Cape"})
    policy = types.MappingProxyType({"ride": types.MappingProxyType({"to": (condition,)})})
    ride = types.MappingProxyType({"to": "Cape Town"})
    filters.validate(policy, "body")

    assert filters.matches(policy, types.MappingProxyType({"ride": ride}), "body")


ODD_VALUES = [
    object(),
    b"bytes",
    {1, 2},
    1j,
    uuid.UUID(int=1),
    datetime.date(2026, 1, 1),
    Decimal("sNaN"),
    "\ud800",
    {1: {2: 3}},
]


@pytest.mark.parametrize("value", ODD_VALUES)
@pytest.mark.parametrize(
    "condition",
    [
        "x",
        1,
        1.5,
        True,
        None,
        {"prefix": "x"},
        {"suffix": "x"},
        {"equals-ignore-case": "x"},
        {"numeric": ["<", 1]},
        {"cidr": "::/0"},
    ],
)
def test_an_odd_value_is_no_match_and_no_error(condition: Any, value: Any) -> None:
    assert not lets_through([condition], value)


def test_a_message_that_nests_deeper_than_the_stack_is_no_error() -> None:
    arrays: Any = ["Paarl"]
    objects: Any = {}
    for _ in range(100_000):
        arrays, objects = [arrays], {"key": objects}

    assert lets_through(["Paarl"], arrays)
    assert not lets_through(["Paarl"], objects)
    assert lets_through({"none": [{"exists": False}]}, objects)


def test_an_array_that_holds_itself_is_no_endless_loop() -> None:
    array: list[Any] = ["Paarl"]
    array += [array, array]

    assert lets_through(["Paarl"], array)
    assert not lets_through(["Berlin"], array)


# Refused policies


@pytest.mark.parametrize("policy", [None, "x", 1, True, [], [{"to": ["x"]}]])
def test_a_policy_that_is_no_object_is_refused(policy: Any) -> None:
    assert "must be an object" in refusal(policy)


@pytest.mark.parametrize("scope", ["", "Body", "headers", None, []])
def test_an_unknown_scope_is_refused(scope: Any) -> None:
    assert "attributes, body" in refusal({}, scope)
    with pytest.raises(errors.ConfigurationError, match="scope"):
        filters.matches({}, {}, scope)


@pytest.mark.parametrize("rule", ["Paarl", 1, True, None, [], {}, object()])
@pytest.mark.parametrize("scope", ["attributes", "body"])
def test_a_rule_that_is_no_filled_list_is_refused(rule: Any, scope: str) -> None:
    assert "'to'" in refusal({"to": rule}, scope)
    assert "'ride.to'" in refusal({"ride": {"to": rule}})


@pytest.mark.parametrize("key", ["", None, 1, True, ("a",)])
def test_a_key_that_is_no_filled_string_is_refused(key: Any) -> None:
    assert "key must be a non-empty string" in refusal({key: ["x"]})


@pytest.mark.parametrize("key", ["$and", "$", "$OR", "$or "])
def test_an_unknown_operator_among_the_keys_is_refused(key: str) -> None:
    assert f"'{key}': unknown operator" in refusal({key: [{"a": [1]}, {"b": [1]}]})
    assert f"'ride.{key}'" in refusal({"ride": {key: ["x"]}})


def test_attributes_are_flat() -> None:
    assert "attributes are flat" in refusal({"ride": {"to": ["x"]}}, "attributes")
    assert "$or[1].ride" in refusal({"$or": [{"a": [1]}, {"ride": {"to": [1]}}]}, "attributes")


@pytest.mark.parametrize("value", [[], ["x"], NAN, INFINITY, -INFINITY, Decimal("NaN"), b"x"])
def test_a_value_that_is_no_json_scalar_is_refused(value: Any) -> None:
    assert "'to'" in refusal({"to": ["fine", value]})
    assert "'ride.to'" in refusal({"ride": {"to": [value]}})
    assert "'to': anything-but" in refusal({"to": [{"anything-but": [value]}]})


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({}, "exactly one operator, not 0"),
        ({"prefix": "a", "suffix": "b"}, "exactly one operator, not 2"),
        ({"wildcard": "a*"}, "unknown operator 'wildcard'"),
        ({"Prefix": "a"}, "unknown operator 'Prefix'"),
        ({1: "a"}, "unknown operator 1"),
        ({"$or": [{"a": [1]}, {"b": [1]}]}, "unknown operator '$or'"),
        ({"prefix": 1}, "prefix takes a string"),
        ({"prefix": None}, "prefix takes a string"),
        ({"prefix": ["a"]}, "prefix takes a string"),
        ({"suffix": True}, "suffix takes a string"),
        ({"suffix": {"a": 1}}, "suffix takes a string"),
        ({"equals-ignore-case": 1}, "equals-ignore-case takes a string"),
        ({"exists": "true"}, "exists takes true or false"),
        ({"exists": 1}, "exists takes true or false"),
        ({"exists": None}, "exists takes true or false"),
        ({"exists": [True]}, "exists takes true or false"),
        ({"anything-but": []}, "anything-but takes a non-empty list"),
        ({"anything-but": [["a"]]}, "anything-but takes"),
        ({"anything-but": [{"prefix": "a"}]}, "anything-but takes"),
        ({"anything-but": NAN}, "anything-but takes"),
        ({"anything-but": {}}, "anything-but takes"),
        ({"anything-but": {"prefix": ""}}, "non-empty string"),
        ({"anything-but": {"prefix": 1}}, "non-empty string"),
        ({"anything-but": {"prefix": ["a"]}}, "non-empty string"),
        ({"anything-but": {"suffix": "a"}}, "only a prefix"),
        ({"anything-but": {"prefix": "a", "suffix": "b"}}, "only a prefix"),
        ({"cidr": 1}, "cidr takes a string"),
        ({"cidr": ["10.0.0.0/8"]}, "cidr takes a string"),
    ],
)
def test_a_malformed_condition_is_refused(condition: Any, problem: str) -> None:
    text = refusal({"ride": {"to": ["fine", condition]}})

    assert "'ride.to'" in text
    assert problem in text


@pytest.mark.parametrize(
    "bounds",
    [
        50,
        "= 50",
        None,
        {},
        {"=": 50},
        [],
        ["="],
        [50],
        [50, "="],
        ["=", 50, "<"],
        ["==", 50],
        ["!=", 50],
        [None, 50],
        [["="], 50],
        ["=", "50"],
        ["=", True],
        ["=", None],
        ["=", [50]],
        ["=", NAN],
        ["<", INFINITY],
        ["<", Decimal("Infinity")],
        ["<", 10, ">", 1],
        ["<=", 10, ">=", 1],
        ["=", 1, "<", 10],
        [">", 1, "=", 10],
        [">", 1, ">", 10],
        ["<", 1, "<", 10],
        [">", 10, "<", 1],
        [">=", 10, "<=", 10],
        [">", 1, "<", "10"],
        [">", 1, "<", True],
        [">", 1, "<", 10, "<", 20],
        [">", 1, "<", 10, "=", 5, "=", 6],
    ],
)
def test_malformed_numeric_bounds_are_refused(bounds: Any) -> None:
    assert "'fare': numeric" in refusal({"fare": [{"numeric": bounds}]})


@pytest.mark.parametrize(
    "block",
    [
        "",
        "/",
        "/24",
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8 ",
        " 10.0.0.0/8",
        "10.0.0.0/8/8",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/٨",
        "10.0.0/8",
        "10/8",
        "010.0.0.0/8",
        "256.0.0.0/8",
        "2001:db8::",
        "2001:db8::/129",
        "2001:db8:::/32",
        "fe80::1%eth0/64",
        "Paarl/8",
        "10.0.0.0/" + "8" * 5000,
    ],
)
def test_a_malformed_cidr_is_refused(block: str) -> None:
    assert "'source_ip': cidr takes an address" in refusal({"source_ip": [{"cidr": block}]})


@pytest.mark.parametrize("branches", [None, "x", {}, {"a": [1]}, [], [{"a": [1]}]])
def test_an_or_without_two_branches_is_refused(branches: Any) -> None:
    assert "'$or': must be a list of two or more objects" in refusal({"$or": branches})


@pytest.mark.parametrize("branch", [None, "x", 1, [], [{"a": [1]}], {}])
def test_a_branch_that_is_no_filled_object_is_refused(branch: Any) -> None:
    assert "'$or[1]': must be a non-empty object" in refusal({"$or": [{"a": [1]}, branch]})


def test_a_malformed_branch_is_named() -> None:
    assert "'$or[1].fare'" in refusal({"$or": [{"a": [1]}, {"fare": 50}]})
    assert "'ride.$or[0].fare'" in refusal({"ride": {"$or": [{"fare": 50}, {"a": [1]}]}})


def test_an_error_is_short_however_long_the_policy() -> None:
    assert len(refusal({"k" * 100_000: "x" * 100_000})) < 400
    assert len(refusal({"k": [{"o" * 100_000: 1}]})) < 400
    assert "very large" in refusal({"k": 10**5000})
    assert "very large" in refusal({10**5000: ["x"]})


# Limits


def test_combinations_are_the_product_of_the_lists_and_150_are_the_limit() -> None:
    filters.validate({"a": list(range(15)), "b": list(range(10))}, "attributes")

    text = refusal({"a": list(range(151))})
    assert "'a'" in text
    assert "150" in text
    assert "'a, r.b'" in refusal({"a": list(range(16)), "r": {"b": list(range(10))}})


def test_the_branches_of_an_or_are_added_up() -> None:
    branches = [{"a": list(range(10))}, {"b": list(range(5)), "c": [1]}]
    filters.validate({"d": list(range(10)), "$or": branches}, "attributes")

    assert "combinations" in refusal({"d": list(range(11)), "$or": branches})


def test_the_values_that_anything_but_excludes_are_one_combination() -> None:
    filters.validate({"a": [{"anything-but": list(range(500))}]}, "attributes")


def test_combinations_beyond_what_python_prints_are_refused() -> None:
    branches = [{"a": [1]}, {"b": [1]}]
    policy: dict[str, Any] = {"a": list(range(100_000)), "b": list(range(100_000))}

    assert "combinations" in refusal({**policy, "$or": branches})


def test_five_keys_are_the_limit() -> None:
    filters.validate({key: ["x"] for key in "abcde"}, "attributes")

    assert "'a, b, c, d, e, f': 6 keys" in refusal({key: ["x"] for key in "abcdef"})


def test_keys_are_counted_as_distinct_leaf_paths() -> None:
    same_key = {"$or": [{"a": ["x"]}, {"a": ["y"]}], "a": ["z"]}
    filters.validate({**same_key, "b": [1], "c": [1], "d": [1], "e": [1]}, "body")
    filters.validate({"ride": {key: ["x"] for key in "abcde"}}, "body")

    assert "6 keys" in refusal({"ride": {key: ["x"] for key in "abcde"}, "a": ["x"]})
    assert "6 keys" in refusal(
        {"a.b": [1], "a": {"b": [1]}, "c": [1], "d": [1], "e": [1], "f": [1]}
    )
    assert "6 keys" in refusal({"$or": [{key: ["x"]} for key in "abcdef"]})


def test_a_policy_may_nest_32_deep_and_no_deeper() -> None:
    filters.validate(nested(32), "body")

    assert "nested deeper than 32" in refusal(nested(33))
    assert "nested deeper than 32" in refusal(nested(100_000))


def test_a_tower_of_ors_is_refused() -> None:
    policy: dict[str, Any] = {"a": ["x"]}
    for _ in range(100_000):
        policy = {"$or": [{"b": [1]}, policy]}

    assert "nested deeper than 32" in refusal(policy)


@pytest.mark.parametrize(
    "nested",
    [{"numeric": [">", 1]}, {"anything-but": ["x"]}, {"equals-ignore-case": ["x"]}],
)
def test_an_operator_whose_brackets_were_forgotten_is_not_taken_for_a_field(
    nested: dict[str, Any],
) -> None:
    with pytest.raises(errors.ConfigurationError, match=r"'fare'.*outside a list"):
        filters.validate({"fare": nested}, "body")


def test_a_nested_field_may_be_called_like_an_operator() -> None:
    filters.validate({"phone": {"prefix": ["+27"]}}, "body")
    assert filters.matches({"phone": {"prefix": ["+27"]}}, {"phone": {"prefix": "+27"}}, "body")


@pytest.mark.parametrize("message", [None, [], "text", 7])
def test_what_is_no_object_has_no_fields(message: Any) -> None:
    assert not filters.matches({"fare": [1]}, message, "body")
    assert filters.matches({"fare": [{"exists": False}]}, message, "body")
