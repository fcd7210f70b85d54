"""Extraordinary rides as operators see them: to be read."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from apps.extraordinary_rides.models import ExtraordinaryRide
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin


@admin.register(ExtraordinaryRide)
class ExtraordinaryRideAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """The leaderboard: the costliest first."""

    list_display = ("__str__", "customer", "fare", "currency", "distance_km", "completed_at")
    search_fields = ("ride_completion",)
    search_help_text = "Ride completion id, whole."
    ordering = ("-fare", "-ride_completion")
    sortable_by = ("fare", "distance_km")
