"""Scatters in the admin: who was asked, who said what after how long, and how it ended.

Source: Hohpe and Woolf, Control Bus.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin
from wildrydes.models import Response, Scatter

STATUS_LABELS = {"open": "info", "closed": "success"}


@admin.register(Scatter)
class ScatterAdmin(ReadOnlyAdmin, ExactSearchAdmin, FastCountAdmin, ModelAdmin):
    """The scatters: the newest first."""

    list_display = (
        "opened_at",
        "gathering",
        "coloured_status",
        "closed_because",
        "responders",
        "deadline_at",
        "error",
        "id",
    )
    list_filter = ("status",)
    search_fields = ("id",)
    search_help_text = "Scatter id, which is its request's message id, whole."
    ordering = ("-id",)
    fields = (
        "id",
        "gathering",
        "rule",
        "wanted",
        "status",
        "opened_at",
        "deadline_at",
        "closed_at",
        "closed_because",
        "error",
        "responses",
    )
    readonly_fields = ("responses",)

    @display(description="Status", label=STATUS_LABELS, ordering="status")
    def coloured_status(self, scatter: Scatter) -> str:
        """Return the status, which unfold colours."""
        return scatter.status

    @display(description="Asked")
    def responders(self, scatter: Scatter) -> int:
        """Return how many were asked."""
        return len(scatter.asked)

    @display(description="Responses")
    def responses(self, scatter: Scatter) -> SafeString:
        """Show who said what, in order of arrival; then who has not been heard of."""
        found = list(Response.objects.filter(scatter=scatter).order_by("received_at", "id"))
        silent = [name for name in scatter.asked if name not in {item.responder for item in found}]
        context = {"responses": [_row(item, scatter.opened_at) for item in found], "silent": silent}
        return render_to_string("wildrydes/responses.html", context)


def _row(response: Response, opened_at: datetime) -> dict[str, Any]:
    after = response.received_at - opened_at
    return {"response": response, "milliseconds": round(after.total_seconds() * 1000)}
