"""Serializer fields that take a value as it is meant, or refuse it by name.

Guarantee: no value is coerced from another type, trimmed, rounded or cut; what is not described
by the serializer is refused, and in text that is kept a payment card's number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from wildrydes import redaction
from wildrydes.front_door.json import refuse_repeated

MAX_NUMBER = 1_000_000_000
MAX_MONEY = Decimal("9999999999.99")
CENT = Decimal("0.01")
LONGEST_MOMENT = 64
MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
MONEY = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuse fields that are not declared.

    A trailing underscore is not part of a field's name: `from_` is the field `from`, which Python
    does not let one declare.
    """

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields by the names that they have in JSON."""
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}

    def to_internal_value(self, data: Any) -> Any:
        """Return what the fields make of `data`; every bad field is in the error."""
        refuse_repeated(data)
        if isinstance(data, Mapping) and not data:
            data = {}  # no body, which REST framework takes for an empty form where it may be one
        unknown = self._unknown(data)
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if unknown and isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **unknown}) from None
            raise
        if unknown:
            raise ValidationError(unknown)
        return value

    def _unknown(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            return {}
        return {
            name: ["This field is not known."]
            for name in data
            if name not in self.fields or self.fields[name].read_only
        }


class NothingSerializer(StrictSerializer):
    """A body that says nothing further."""


class EachAlone(serializers.ListSerializer[Any]):
    """Judge the items of a list alone: a bad one becomes its `ValidationError`, not the list's."""

    def run_child_validation(self, data: Any) -> Any:
        """Return what the child makes of one item, or its error."""
        try:
            return super().run_child_validation(data)
        except ValidationError as error:
            return error


class TextField(serializers.CharField):
    """A string of 1 to 200 characters that are not all blank, kept as it was sent.

    What looks like a payment card's number is refused, for what is stored is stored in many places:
    unless the text `is_secret`, and so is stored nowhere.
    """

    default_error_messages = {
        "invalid": "This must be a string.",
        "card": "This looks like a card's number, which must not be sent here.",
    }

    def __init__(self, *, max_length: int = 200, is_secret: bool = False, **options: Any) -> None:
        super().__init__(max_length=max_length, trim_whitespace=False, **options)
        self.is_secret = is_secret

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the string; a blank one is refused also when it is spaces."""
        if isinstance(data, str) and not data.strip():
            self.fail("blank")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        """Return the string; anything else is refused, and so is a card's number."""
        if not isinstance(data, str):
            self.fail("invalid")
        if not self.is_secret and redaction.is_issued_in(data):
            self.fail("card")
        return data


class CustomerField(TextField):
    """A customer's opaque id: 1 to 64 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=64, **options)


@extend_schema_field(OpenApiTypes.DATETIME)
class MomentField(serializers.Field[datetime, Any, str, Any]):
    """A time with its zone, as RFC 3339 writes it: `2026-03-01T12:00:00Z`; aware, in UTC."""

    default_error_messages = {"invalid": "This must be a time with its zone."}

    def to_internal_value(self, data: Any) -> datetime:
        """Return the moment; one that names no zone could be any of many, and is refused."""
        if not isinstance(data, str) or len(data) > LONGEST_MOMENT or not MOMENT.fullmatch(data):
            self.fail("invalid")
        try:
            return datetime.fromisoformat(data.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        """Return the moment in UTC."""
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


class NumberField(serializers.FloatField):
    """A finite JSON number, from 0 to a thousand million unless it is said otherwise.

    A whole one is written without point.
    """

    default_error_messages = {
        "invalid": "This must be a number.",
        "finite": "This must be a finite number.",
        "digits": "This has more digits than can be kept.",
    }

    def __init__(
        self, *, min_value: float = 0, max_value: float = MAX_NUMBER, **options: Any
    ) -> None:
        super().__init__(min_value=min_value, max_value=max_value, **options)

    def to_internal_value(self, data: Any) -> float:
        """Return the number as a float."""
        if isinstance(data, bool) or not isinstance(data, int | float | Decimal):
            self.fail("invalid")
        try:
            number = float(data)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.fail("finite")
        if number <= MAX_NUMBER and Decimal(repr(number)) != Decimal(data):
            self.fail("digits")
        return number

    def to_representation(self, value: Any) -> float:  # type: ignore[override]
        """Return an int where the value is whole."""
        return int(value) if float(value).is_integer() else float(value)


class FlagField(serializers.BooleanField):
    """True or false, and no word or number for it."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the flag; anything else is refused."""
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class MoneyField(serializers.Field[Decimal, Any, str, Any]):
    """An amount of money with at most two decimals: a string or a number in, a string out."""

    default_error_messages = {
        "invalid": "This must be an amount such as 256.50.",
        "finite": "This must be a finite amount.",
        "negative": "This must not be negative.",
        "decimals": "This may have at most two decimals.",
        "max_value": f"This may be at most {MAX_MONEY}.",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the amount with exactly two decimals."""
        amount = self._amount(data)
        if not amount.is_finite():
            self.fail("finite")
        if amount < 0:
            self.fail("negative")
        if amount > MAX_MONEY:
            self.fail("max_value")
        exact = amount.quantize(CENT).copy_abs()
        if exact != amount:
            self.fail("decimals")
        return exact

    def _amount(self, data: Any) -> Decimal:
        if isinstance(data, str) and MONEY.fullmatch(data):
            return Decimal(data)
        if isinstance(data, float):
            return Decimal(repr(data))
        if isinstance(data, bool) or not isinstance(data, int | Decimal):
            self.fail("invalid")
        return Decimal(data)

    def to_representation(self, value: Decimal) -> str:
        """Return the amount with exactly two decimals."""
        return f"{value:.2f}"
