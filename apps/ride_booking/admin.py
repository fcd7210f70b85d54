"""Requests for quotes and rides as operators see them: to be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.ride_booking import overviews
from apps.ride_booking.models import Rfq, Ride
from wildrydes.admin import timeline_html
from wildrydes.admin_lists import DayRangeFilter, FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin
from wildrydes.models import Scatter

STATUS_LABELS = {"open": "info", "closed": "warning", "accepted": "success"}
STATE_LABELS = {
    "booked": "info",
    "started": "warning",
    "completed": "success",
    "cancelled": "danger",
}


@admin.register(Rfq)
class RfqAdmin(ExactSearchAdmin, ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """Requests for quotes, newest first; on a request's page what each fleet said, and when."""

    list_display = (
        "requested_at",
        "origin",
        "destination",
        "customer",
        "status",
        "winner",
        "deadline",
    )
    list_display_links = ("requested_at", "origin")
    list_filter = (("requested_at", DayRangeFilter),)
    list_filter_submit = True
    search_fields = ("id", "customer")
    search_help_text = "RFQ id or customer, whole."
    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    fields = (
        "id",
        ("origin", "destination"),
        "customer",
        "requested_by_id",
        ("requested_at", "deadline"),
        ("status", "closed", "winner"),
        "responders",
        "timeline",
    )
    readonly_fields = ("deadline", "status", "closed", "winner", "responders", "timeline")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rfq]:
        """Add to each request whether it is open, and whose quote was accepted."""
        rows: QuerySet[Rfq] = super().get_queryset(request)
        scatters = Scatter.objects.filter(id=OuterRef("id"))
        rides = Ride.objects.filter(rfq=OuterRef("id"))
        return rows.annotate(
            deadline_at=Subquery(scatters.values("deadline_at")[:1]),
            scatter_status=Subquery(scatters.values("status")[:1]),
            winning_fleet=Subquery(rides.values("fleet")[:1]),
        )

    @display(description="Status", label=STATUS_LABELS)
    def status(self, rfq: Rfq) -> str:
        """Return open, closed or accepted, which unfold colours."""
        status: str = rfq.scatter_status  # type: ignore[attr-defined]
        return "accepted" if self.winner(rfq) else status

    @display(description="Deadline")
    def deadline(self, rfq: Rfq) -> datetime:
        """Return until when fleets may answer."""
        moment: datetime = rfq.deadline_at  # type: ignore[attr-defined]
        return moment

    @display(description="Accepted quote")
    def winner(self, rfq: Rfq) -> str:
        """Return the fleet whose quote was accepted."""
        fleet: str | None = rfq.winning_fleet  # type: ignore[attr-defined]
        return fleet or ""

    @display(description="Closed")
    def closed(self, rfq: Rfq) -> str:
        """Return when the request was closed, and why."""
        return overviews.closed(rfq)

    @display(description="Fleets")
    def responders(self, rfq: Rfq) -> SafeString:
        """Show what every fleet that was asked has answered, and how long it took."""
        rows = overviews.responders(rfq)
        return render_to_string("ride_booking/responders.html", {"rows": rows})

    @display(description="Timeline")
    def timeline(self, rfq: Rfq) -> SafeString:
        """Show what happened to the question on its way to the fleets."""
        return timeline_html(rfq.id)


@admin.register(Ride)
class RideAdmin(ExactSearchAdmin, ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """Booked rides, newest first; on a ride's page all from the request to the receipt."""

    list_display = (
        "booked_at",
        "origin",
        "destination",
        "customer",
        "fleet",
        "unicorn",
        "amount",
        "coloured_state",
    )
    list_display_links = ("booked_at", "origin")
    list_filter = (("booked_at", DayRangeFilter), "state")
    list_filter_submit = True
    search_fields = ("id", "rfq", "customer", "fleet")
    search_help_text = "Ride id, RFQ id, customer or fleet, whole."
    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    fields = (
        "id",
        "rfq",
        ("origin", "destination"),
        "customer",
        ("fleet", "unicorn"),
        ("price", "currency"),
        ("state", "cancellation_fee"),
        ("booked_at", "ride_completion"),
        "message_id",
        "timeline",
    )
    readonly_fields = ("timeline",)

    @display(description="Price")
    def amount(self, ride: Ride) -> str:
        """Return the price with its currency."""
        return f"{ride.price} {ride.currency}"

    @display(description="State", label=STATE_LABELS)
    def coloured_state(self, ride: Ride) -> str:
        """Return the state, which unfold colours."""
        return ride.state

    @display(description="Timeline")
    def timeline(self, ride: Ride) -> SafeString:
        """Show all that happened, from the request for quotes to the last line of the receipt."""
        rows = overviews.story(ride)
        return render_to_string("ride_booking/timeline.html", {"rows": rows})
