"""What operators see of rides, fleets and unicorns; a fleet they may also change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import TextFilter
from unfold.decorators import display

from apps.unicorn_management.fleets import operations as fleets
from apps.unicorn_management.models import Fleet, RideCompletion, Unicorn
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


@admin.register(Fleet)
class FleetAdmin(ModelAdmin):
    """Fleets with their prices and their behaviour, which operators change, on record."""

    list_display = (
        "slug",
        "name",
        "is_active",
        "prices",
        "answer_rate",
        "delay_median_seconds",
        "online",
    )
    ordering = ("slug",)
    readonly_fields = ("slug",)
    fieldsets = (
        (None, {"fields": ("slug", "name", "is_active", ("home", "radius_km"))}),
        (
            "Prices",
            {
                "fields": (
                    ("base", "per_km", "per_minute"),
                    ("peak_factor", "night_factor", "demand_factor", "most_surge"),
                    "quote_valid_seconds",
                )
            },
        ),
        (
            "Behaviour",
            {
                "fields": (
                    ("answer_rate", "fault_rate"),
                    ("delay_min_seconds", "delay_median_seconds", "delay_max_seconds"),
                )
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: a fleet needs a queue, so it begins in the topology."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a fleet that shall take no rides is made inactive."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Fleet]:
        """Return the fleets, and how many unicorns of each are online."""
        online = Count("unicorns", filter=Q(unicorns__is_online=True))
        found: QuerySet[Fleet] = super().get_queryset(request)
        return found.annotate(unicorns_online=online)

    def save_model(
        self, request: HttpRequest, obj: Fleet, form: ModelForm[Fleet], change: bool
    ) -> None:
        """Change what was changed in the form, and put it on record."""
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        fleets.change_fleet(slug=obj.slug, changes=changes, by=request.user.get_username())

    @display(description="Base, per km, per minute")
    def prices(self, fleet: Fleet) -> str:
        """Return the three prices."""
        return f"{fleet.base}, {fleet.per_km}, {fleet.per_minute}"

    @display(description="Unicorns online")
    def online(self, fleet: Any) -> int:
        """Return how many unicorns are online."""
        return int(fleet.unicorns_online)


@admin.register(Unicorn)
class UnicornAdmin(ExactSearchAdmin, ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """Every unicorn: where it is, and on which ride."""

    list_display = ("id", "fleet", "is_online", "place", "ride")
    list_filter = ("fleet", "is_online")
    search_fields = ("id",)
    search_help_text = "Unicorn, whole."
    ordering = ("id",)
    sortable_by: Sequence[str] = ()
