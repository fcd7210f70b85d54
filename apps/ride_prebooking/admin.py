"""Prebookings and campaigns as staff see them; campaigns they may also begin and change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.ride_prebooking import rules
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations import campaigning
from wildrydes.admin import timeline_html
from wildrydes.admin_lists import DayRangeFilter, FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin

LABELS = {
    "accepted": "info",
    "confirmed": "success",
    "rejected": "danger",
    "cancelled": "warning",
    "due": "info",
    "dispatched": "success",
    "unfulfilled": "danger",
}
BAR = """
<div class="w-40 h-2 rounded-default bg-base-200 dark:bg-base-700" title="{}">
<div class="h-2 rounded-default bg-primary-600" style="width: {}%"></div></div>
"""


class CampaignForm(forms.ModelForm):  # type: ignore[type-arg]
    """A campaign's terms."""

    class Meta:
        model = Campaign
        fields = ("code", "name", "starts_at", "ends_at", "capacity", "discount_percent")

    def clean_capacity(self) -> int:
        """Refuse fewer places than are taken."""
        capacity: int = self.cleaned_data["capacity"]
        if capacity < self.instance.taken:
            raise forms.ValidationError(f"{self.instance.taken} places are taken.")
        return capacity


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin):
    """Campaigns, the latest first, with how many of their places are taken."""

    form = CampaignForm
    list_display = ("code", "name", "starts_at", "ends_at", "places", "bar", "discount")
    ordering = ("-starts_at", "code")
    search_fields = ("code", "name")
    fields = (
        ("code", "name"),
        ("starts_at", "ends_at"),
        ("capacity", "discount_percent"),
        "places",
    )
    readonly_fields = ("places",)
    sortable_by: Sequence[str] = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        """Keep the code of a campaign that is there: customers and prebookings name it."""
        return ("code", "places") if obj else ("places",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a campaign that shall take no more is ended."""
        return False

    def save_model(
        self, request: HttpRequest, obj: Campaign, form: forms.ModelForm[Campaign], change: bool
    ) -> None:
        """Store what was said in the form, and put it on record."""
        by = request.user.get_username()
        if not change:
            campaigning.begin(campaign=obj, by=by)
        else:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            campaigning.change(code=obj.code, changes=changes, by=by)

    @display(description="Places taken")
    def places(self, campaign: Campaign) -> str:
        """Return how many places are taken, of how many."""
        return f"{campaign.taken} of {campaign.capacity or 0}"

    @display(description="Uptake")
    def bar(self, campaign: Campaign) -> SafeString:
        """Draw which share of the places is taken."""
        share = 100 * campaign.taken // campaign.capacity if campaign.capacity else 100
        return format_html(BAR, f"{share} %", share)

    @display(description="Discount")
    def discount(self, campaign: Campaign) -> str:
        """Return the discount in per cent."""
        return f"{campaign.discount_percent} %"


@admin.register(Prebooking)
class PrebookingAdmin(ExactSearchAdmin, ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """Prebookings, newest first; on a prebooking's page the timeline of its message."""

    list_display = (
        "accepted_at",
        "origin",
        "destination",
        "customer",
        "ride_at",
        "campaign",
        "coloured_status",
        "reason",
    )
    list_display_links = ("accepted_at", "origin")
    list_filter = (("accepted_at", DayRangeFilter), "status")
    list_filter_submit = True
    search_fields = ("id", "customer", "campaign")
    search_help_text = "Prebooking id, customer or campaign, whole."
    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    fields = (
        "id",
        ("origin", "destination"),
        ("customer", "ride_at"),
        ("campaign", "discount_percent", "price_limit"),
        ("coloured_status", "why"),
        ("accepted_at", "decided_at"),
        ("due_at", "ended_at"),
        ("rfq", "ride"),
        "timeline",
    )
    readonly_fields = ("coloured_status", "why", "timeline")

    @display(description="Status", label=LABELS)
    def coloured_status(self, row: Prebooking) -> str:
        """Return the status, which unfold colours."""
        return row.status

    @display(description="Because")
    def why(self, row: Prebooking) -> str:
        """Return the reason in words."""
        return rules.explanation(row.reason)

    @display(description="Timeline")
    def timeline(self, row: Prebooking) -> SafeString:
        """Show what happened to the message as which the prebooking came."""
        return timeline_html(row.id)
