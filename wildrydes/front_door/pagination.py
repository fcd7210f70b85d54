"""Pages by position, not by number: as fast at a million rows as at ten."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

M = TypeVar("M", bound=Model)

DEFAULT_SIZE = 50
MAX_SIZE = 200

PARAMETERS = [
    OpenApiParameter("cursor", UUID, description="The last id of the page before."),
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
    ),
]
"""What a paginated view declares in its schema."""


@dataclass(frozen=True)
class Page(Generic[M]):
    """Some rows, and the address of the next page if there is one."""

    rows: list[M]
    next: str | None

    def to_data(self, represent: Callable[[M], Any]) -> dict[str, Any]:
        """Return the JSON-ready page."""
        return {"results": [represent(row) for row in self.rows], "next": self.next}


def page_of(rows: QuerySet[M], *, request: Request) -> Page[M]:
    """Return the page that the request's `cursor` and `page_size` ask for, newest first.

    The rows' primary key must be a UUIDv7. Raises `ValidationError` (400) for a bad parameter.
    """
    size = _size(request)
    if "cursor" in request.query_params:
        rows = rows.filter(pk__lt=_cursor(request))
    found = list(rows.order_by("-pk")[: size + 1])
    more = len(found) > size
    return Page(found[:size], _next(request, found[size - 1]) if more else None)


def _next(request: Request, last: Model) -> str:
    return replace_query_param(request.build_absolute_uri(), "cursor", str(last.pk))


def _cursor(request: Request) -> UUID:
    try:
        return UUID(request.query_params["cursor"])
    except ValueError:
        raise ValidationError({"cursor": ["This is not a cursor."]}) from None


def _size(request: Request) -> int:
    given = request.query_params.get("page_size", str(DEFAULT_SIZE))
    if not re.fullmatch("[0-9]{1,4}", given) or not 1 <= int(given) <= MAX_SIZE:
        raise ValidationError({"page_size": [f"This must be from 1 to {MAX_SIZE}."]})
    return int(given)
