"""What the OpenAPI document says of problems and of our own fields."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import (
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiResponse
from rest_framework import serializers

from wildrydes.front_door import idempotency
from wildrydes.front_door.problems import CONTENT_TYPE, KINDS

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": idempotency.HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LONGEST_KEY},
    "description": "Of the requests with the same key one is carried out; the others get its "
    f"answer, marked `{idempotency.REPLAYED}`.",
}
NOT_BLANK = r"^[^\x00]*\S[^\x00]*$"


class FieldErrorSerializer(serializers.Serializer[Any]):
    """One field and what is wrong with it."""

    field = serializers.CharField()
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """An RFC 9457 problem. `errors` is there when fields are to blame."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(required=False)


class ValidationProblemSerializer(ProblemSerializer):
    """A problem whose `errors` name the fields."""

    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]


def problem_responses(*statuses: int) -> dict[Any, Any]:
    """Return what `extend_schema(responses=…)` takes for these statuses."""
    return {(status, CONTENT_TYPE): _problem_response(status) for status in statuses}


def _problem_response(status: int) -> OpenApiResponse:
    shape = ValidationProblemSerializer if status == 400 else ProblemSerializer
    return OpenApiResponse(shape, description=KINDS[status][1])


class Schema(AutoSchema):
    """What the document says of an operation beyond what its view declares.

    Whoever is known may be throttled.
    """

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation, with the header and the problems of one that takes a key."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        method = getattr(self.view, self.method.lower(), None)
        if operation and hasattr(method, idempotency.MARK):
            operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
            for status in (409, 422):
                operation["responses"].setdefault(str(status), self._problem(status))
        if operation and self.view.authentication_classes:
            operation["responses"].setdefault("429", self._problem(429))
        return operation

    def _problem(self, status: int) -> Any:
        return self._get_response_for_code(  # type: ignore[no-untyped-call]
            _problem_response(status), str(status), media_types=[CONTENT_TYPE]
        )


class MoneySchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Money is a string or a number in, and a string out."""

    target_class = "wildrydes.front_door.fields.MoneyField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        """Return the JSON schema of an amount."""
        text = {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,2})?$", "example": "256.50"}
        if direction == "response":
            return text
        number = {"type": "number", "minimum": 0, "maximum": 9_999_999_999.99, "multipleOf": 0.01}
        return {"oneOf": [text, number]}


class StrictSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A strict serializer takes no further fields, and the document says so."""

    target_class = "wildrydes.front_door.fields.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        """Return the JSON schema of the object."""
        schema: Any = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        return {**schema, "additionalProperties": False} if direction == "request" else schema


class TextSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A text is not blank and holds no NUL."""

    target_class = "wildrydes.front_door.fields.TextField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        """Return the JSON schema of a text."""
        schema: Any = auto_schema._map_serializer_field(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        rule = {"maxLength": self.target.max_length, "minLength": 1, "pattern": NOT_BLANK}
        return {**schema, **rule} if direction == "request" else schema


class ListSchema(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A list whose items are judged alone is bounded."""

    target_class = "wildrydes.front_door.fields.EachAlone"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Direction) -> Any:
        """Return the JSON schema of the list."""
        item = auto_schema.resolve_serializer(self.target.child, direction).ref
        bounds = {"minItems": self.target.min_length, "maxItems": self.target.max_length}
        return {"type": "array", "items": item, **bounds}
