"""Fields take a value as it was meant, or refuse it by name."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from wildrydes.front_door import json
from wildrydes.front_door.fields import (
    CustomerField,
    EachAlone,
    FlagField,
    MomentField,
    MoneyField,
    NumberField,
    StrictSerializer,
    TextField,
)


class Trip(StrictSerializer):
    id = serializers.IntegerField(read_only=True)
    from_ = TextField(source="origin")
    distance = NumberField(required=False)


class Trips(StrictSerializer):
    items = EachAlone(child=Trip())


def as_sent(literal: str) -> Any:
    """Return a JSON literal as the parser hands it to a field."""
    return json.loads(f'{{"value": {literal}}}'.encode())["value"]


def errors_of(data: Any) -> dict[str, Any]:
    trip = Trip(data=data)
    assert not trip.is_valid()
    return dict(trip.errors)


def test_a_trailing_underscore_is_not_part_of_the_name() -> None:
    trip = Trip(data={"from": "Paarl"})

    assert trip.is_valid()
    assert trip.validated_data == {"origin": "Paarl"}
    assert Trip({"id": 1, "origin": "Paarl", "distance": 2.0}).data == {
        "id": 1,
        "from": "Paarl",
        "distance": 2,
    }


def test_unknown_fields_are_errors_beside_the_others() -> None:
    assert errors_of({"from": 1, "speed": 3, "from_": "x"}) == {
        "from": ["This must be a string."],
        "speed": ["This field is not known."],
        "from_": ["This field is not known."],
    }


def test_a_field_that_is_only_written_by_us_is_unknown_in_a_body() -> None:
    assert errors_of({"from": "Paarl", "id": 1}) == {"id": ["This field is not known."]}


@pytest.mark.parametrize("data", [[], "text", 1, [{"from": "Paarl"}]])
def test_what_is_not_an_object_is_refused(data: Any) -> None:
    assert list(errors_of(data)) == [""]


def test_the_items_of_a_list_are_judged_alone() -> None:
    trips = Trips(data={"items": [{"from": "Paarl"}, {"from": ""}, None, 7, {"from": "Ceres"}]})

    assert trips.is_valid()
    good, blank, nothing, number, other = trips.validated_data["items"]
    assert (good["origin"], other["origin"]) == ("Paarl", "Ceres")
    assert "from" in blank.detail
    assert isinstance(nothing, ValidationError)
    assert list(number.detail) == [""]


@pytest.mark.parametrize("text", ["x", " Cape Town ", "x" * 200, "☀", "'; DROP TABLE", "\u200f"])
def test_a_text_is_kept_as_it_was_sent(text: str) -> None:
    assert TextField().run_validation(text) == text


@pytest.mark.parametrize(
    "value",
    ["", " ", "\t\n", "\u2003", "x" * 201, "a\0b", "\ud800", 1, 1.5, True, None, [], ["x"], {}],
)
def test_a_text_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError):
        TextField().run_validation(value)


def test_a_customer_has_at_most_64_characters() -> None:
    assert CustomerField().run_validation("c" * 64)
    with pytest.raises(ValidationError):
        CustomerField().run_validation("c" * 65)


@pytest.mark.parametrize(
    ("literal", "number"),
    [("0", 0), ("-0", 0), ("-0.0", 0), ("420", 420), ("1e3", 1000), ("0.1", 0.1), ("1e9", 1e9)],
)
def test_a_number_is_taken(literal: str, number: float) -> None:
    taken = NumberField().run_validation(as_sent(literal))

    assert taken == number
    assert isinstance(taken, float)


@pytest.mark.parametrize(
    "literal",
    [
        "-1",
        "-0.001",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "1000000001",
        "9" * 400,
        "9" * 5000,
        '"420"',
        '""',
        "true",
        "false",
        "null",
        "[]",
        "{}",
    ],
)
def test_what_is_no_number_or_none_of_ours_is_refused(literal: str) -> None:
    with pytest.raises(ValidationError):
        NumberField().run_validation(as_sent(literal))


@pytest.mark.parametrize("literal", ["-90", "-33.9249", "0", "90.0"])
def test_a_number_may_have_other_bounds(literal: str) -> None:
    taken = NumberField(min_value=-90, max_value=90).run_validation(as_sent(literal))

    assert taken == float(literal)


@pytest.mark.parametrize("literal", ["-90.01", "91", '"0"', "null", "true", "1e999"])
def test_a_number_outside_its_bounds_is_refused(literal: str) -> None:
    with pytest.raises(ValidationError):
        NumberField(min_value=-90, max_value=90).run_validation(as_sent(literal))


@pytest.mark.parametrize("literal", ["true", "false"])
def test_a_flag_is_true_or_false(literal: str) -> None:
    assert FlagField().run_validation(as_sent(literal)) is (literal == "true")


@pytest.mark.parametrize("literal", ["1", "0", '"true"', '"no"', '""', "null", "[]", "{}"])
def test_what_is_no_flag_is_refused(literal: str) -> None:
    with pytest.raises(ValidationError):
        FlagField().run_validation(as_sent(literal))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00+00:00"),
        ("2030-01-31t12:00:00z", "2030-01-31T12:00:00+00:00"),
        ("2030-01-31 12:00:00.25+02:00", "2030-01-31T10:00:00.250000+00:00"),
    ],
)
def test_a_time_is_read_as_rfc_3339_writes_it(text: str, moment: str) -> None:
    assert MomentField().run_validation(text).isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", "soon", "2030-01-31", "2030-01-31T12:00:00", "2030-01-31T12Z", "20300131T120000Z"),
        *("2030-W01-1T12:00:00Z", "2030-01-31x12:00:00Z", "2030-01-31\ud80012:00:00Z"),
        *("2030-01-31T12:00:00,5Z", "2030-01-31T12:00:00+00:00:30", "2030-02-31T12:00:00Z"),
        *("0001-01-01T00:00:00+14:00", "２030-01-31T12:00:00Z", "2030-01-31T12:00:00Z\n"),
    ],
)
def test_what_is_no_time_with_its_zone_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        MomentField().run_validation(text)


def test_a_whole_number_is_written_without_a_point() -> None:
    written = [NumberField().to_representation(value) for value in (420.0, 0.5, 0.0, -0.0)]

    assert [str(value) for value in written] == ["420", "0.5", "0", "0"]


@pytest.mark.parametrize(
    ("literal", "amount"),
    [
        ("256.5", "256.50"),
        ("256.50", "256.50"),
        ("256.500", "256.50"),
        ('"256.50"', "256.50"),
        ('"256.5"', "256.50"),
        ('"256"', "256.00"),
        ("0", "0.00"),
        ("-0.0", "0.00"),
        ("0.07", "0.07"),
        ("1e2", "100.00"),
        ("0.1", "0.10"),
        ("4.35", "4.35"),
        ("9999999999.99", "9999999999.99"),
        ('"9999999999.99"', "9999999999.99"),
    ],
)
def test_money_is_exact(literal: str, amount: str) -> None:
    taken = MoneyField().run_validation(as_sent(literal))

    assert taken == Decimal(amount)
    assert str(taken) == amount
    assert MoneyField().to_representation(taken) == amount


def test_a_float_is_the_number_that_it_shows() -> None:
    assert MoneyField().run_validation(49.99) == Decimal("49.99")


@pytest.mark.parametrize(
    "literal",
    [
        "-1",
        "-0.01",
        "0.001",
        "256.505",
        "1e-3",
        "10000000000",
        "9999999999.991",
        "1e999",
        "1e-999",
        "9" * 5000,
        "NaN",
        "Infinity",
        "-Infinity",
        "true",
        "null",
        "[]",
        "{}",
        '""',
        '" "',
        '" 1.00"',
        '"1.00 "',
        '"1.00\\n"',
        '"+1.00"',
        '"-1.00"',
        '"1e2"',
        '"1,00"',
        '"1.000"',
        '"1."',
        '".5"',
        '"NaN"',
        '"Infinity"',
        '"0x10"',
        '"١"',
        '"1_000"',
        '"10000000000"',
        '"256.50 EUR"',
    ],
)
def test_what_is_no_amount_is_refused(literal: str) -> None:
    with pytest.raises(ValidationError):
        MoneyField().run_validation(as_sent(literal))
