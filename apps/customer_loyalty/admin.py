"""Points as operators see them: to be read."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin
from unfold.decorators import display

from apps.customer_loyalty import tiers
from apps.customer_loyalty.models import LoyaltyAccount, PointsEntry
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin

TIER_LABELS = {"bronze": "warning", "silver": "info", "gold": "success"}


@admin.register(LoyaltyAccount)
class LoyaltyAccountAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """Who has how many points."""

    list_display = ("customer", "points", "tier", "updated_at")
    search_fields = ("customer",)
    search_help_text = "Customer, whole."
    ordering = ("customer",)
    sortable_by = ()

    @display(description="Tier", label=TIER_LABELS)
    def tier(self, account: LoyaltyAccount) -> str:
        """Return the tier's name, which unfold colours."""
        return tiers.tier_at(account.points).name


@admin.register(PointsEntry)
class PointsEntryAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """The points of each ride, newest first."""

    list_display = ("customer", "points", "ride_completion", "awarded_at")
    search_fields = ("customer", "ride_completion")
    search_help_text = "Customer or ride completion id, whole."
    ordering = ("-id",)
    sortable_by = ()
