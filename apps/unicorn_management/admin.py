"""What operators see of completed rides. Nothing can be changed here."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import TextFilter
from unfold.decorators import display

from apps.unicorn_management.models import RideCompletion
from wildrydes.admin import timeline_html
from wildrydes.admin_lists import DayRangeFilter, FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin


class FleetFilter(TextFilter):
    """One fleet, by its whole name: a list of all of them would read the whole table."""

    title = "fleet"
    parameter_name = "fleet"

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[RideCompletion]
    ) -> QuerySet[RideCompletion]:
        """Keep the fleet's rides."""
        return queryset.filter(fleet=self.value()) if self.value() else queryset


@admin.register(RideCompletion)
class RideCompletionAdmin(ExactSearchAdmin, ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """Completed rides, newest first; on a ride's page the timeline of its event."""

    list_display = (
        "submitted_at",
        "origin",
        "destination",
        "customer",
        "price",
        "distance_km",
        "fleet",
        "ride",
    )
    list_display_links = ("submitted_at", "origin")
    list_filter = (("submitted_at", DayRangeFilter), FleetFilter)
    list_filter_submit = True
    search_fields = ("id", "ride", "customer")
    search_help_text = "Id, booked ride or customer, whole."
    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    fields = (
        "id",
        "ride",
        ("origin", "destination"),
        ("duration_s", "distance_km"),
        "customer",
        ("fare", "currency"),
        "fleet",
        "submitted_by_id",
        "submitted_at",
        "message_id",
        "timeline",
    )
    readonly_fields = ("timeline",)

    @display(description="Fare")
    def price(self, row: RideCompletion) -> str:
        """Return the fare with its currency."""
        return f"{row.fare} {row.currency}"

    @display(description="Timeline")
    def timeline(self, row: RideCompletion) -> SafeString:
        """Show what happened to the ride's event, in order of time."""
        return timeline_html(row.message_id)
