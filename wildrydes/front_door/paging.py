"""Pages of a list that is newest first: so many, older than the last one that was seen.

Guarantee: what is added at the top while a caller turns the pages moves no page.
Does not guarantee: a total; counting all rows costs more than anyone wants to know it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

MOST = 200


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a caller asked for: at most `limit` rows, older than `before` where it is given."""

    limit: int
    before: UUID | None


class PageSerializer(serializers.Serializer[Any]):
    """The query parameters of a list."""

    limit = serializers.IntegerField(
        min_value=1, max_value=MOST, default=50, help_text="How many entries at most."
    )
    before = serializers.UUIDField(
        required=False, help_text="The id of an entry; only older ones are returned."
    )


def asked_for(request: Request) -> Page:
    """Return the page that the query asks for; raises `ValidationError` naming the parameter."""
    query = PageSerializer(data=request.query_params.dict())
    query.is_valid(raise_exception=True)
    return Page(limit=query.validated_data["limit"], before=query.validated_data.get("before"))


def next_page(request: Request, *, after: UUID | None) -> str | None:
    """Return the address of the page after the entry `after`; none where that was the last one."""
    if after is None:
        return None
    return replace_query_param(request.build_absolute_uri(), "before", str(after))
