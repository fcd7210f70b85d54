"""Admin lists that stay fast at a million rows: nothing is counted to the end."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.utils import parse_date_str

from wildrydes import topology

EXACT_UP_TO = 10_000

ESTIMATE = "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass"


class FastCountPaginator(Paginator):  # type: ignore[type-arg]
    """Count a large table by Postgres's own estimate, and a filtered list up to a bound.

    A list of more than `EXACT_UP_TO` filtered rows says that number; its later pages are reached
    by narrowing the filter.
    """

    @cached_property
    def count(self) -> int:
        """Return the number of rows: exact when it is small."""
        rows = self.object_list
        if not isinstance(rows, QuerySet):
            return len(rows)
        exact = rows.order_by()[:EXACT_UP_TO].count()
        if exact < EXACT_UP_TO or rows.query.where:
            return exact
        return max(exact, self._estimate(rows))

    @staticmethod
    def _estimate(rows: QuerySet[Any]) -> int:
        with connection.cursor() as cursor:
            cursor.execute(ESTIMATE, [f'"{rows.model._meta.db_table}"'])
            return int(cursor.fetchone()[0])


class DayRangeFilter(RangeDateFilter):
    """From one day to another, both included, in UTC; what is not a date is ignored."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of those days."""
        if start := self._midnight("from"):
            queryset = queryset.filter(**{f"{self.parameter_name}__gte": start})
        if end := self._midnight("to"):
            next_day = end + timedelta(days=1)
            queryset = queryset.filter(**{f"{self.parameter_name}__lt": next_day})
        return queryset

    def _midnight(self, side: str) -> datetime | None:
        given = self.used_parameters.get(f"{self.parameter_name}_{side}")
        day = parse_date_str(given) if isinstance(given, str) else None
        return datetime.combine(day, time.min, tzinfo=UTC) if day else None


class SubscriptionFilter(admin.SimpleListFilter):
    """Choose a subscription of the topology."""

    title = "subscription"
    parameter_name = "subscription"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return every subscription's name."""
        return [(entry.name, entry.name) for entry in topology.current().subscriptions]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep the rows of the chosen subscription."""
        return queryset.filter(subscription=self.value()) if self.value() else queryset


class FastCountAdmin:
    """Mix this into a `ModelAdmin`, before it."""

    paginator = FastCountPaginator
    show_full_result_count = False
    list_per_page = 50


class ReadOnlyAdmin:
    """Mix this into a `ModelAdmin`, before it: look, and touch nothing."""

    def has_add_permission(self, *args: Any, **kwargs: Any) -> bool:
        """Refuse."""
        return False

    def has_change_permission(self, *args: Any, **kwargs: Any) -> bool:
        """Refuse; Django then shows the fields as text."""
        return False

    def has_delete_permission(self, *args: Any, **kwargs: Any) -> bool:
        """Refuse."""
        return False
