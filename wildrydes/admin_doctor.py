"""The loss detector's page in the admin: what is stuck, since when, and who serves what."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.views.generic import TemplateView
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import UnfoldModelAdminViewMixin

from wildrydes import doctor
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin
from wildrydes.models import Consumer, Request

REQUEST_LABELS = {"open": "info", "answered": "success", "timed_out": "warning"}


class DoctorView(UnfoldModelAdminViewMixin, TemplateView):
    """What `manage.py doctor` finds at this moment."""

    title = "Doctor"
    permission_required = ("wildrydes.view_message",)
    template_name = "wildrydes/doctor.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the findings, those that are wrong first."""
        findings = sorted(doctor.examine(), key=lambda finding: not finding.wrong)
        return super().get_context_data(findings=findings, **kwargs)


@admin.register(Consumer)
class ConsumerAdmin(ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """Which worker serves which subscription, and when it was last heard of."""

    list_display = ("subscription", "queue", "worker", "first_seen", "last_seen")
    list_filter = ("queue",)
    ordering = ("subscription", "-last_seen")


@admin.register(Request)
class RequestAdmin(ReadOnlyAdmin, ExactSearchAdmin, FastCountAdmin, ModelAdmin):
    """What was asked, until when, and what came."""

    list_display = ("requested_at", "type", "coloured_status", "deadline", "answered_at", "late")
    list_filter = ("status", "late")
    search_fields = ("id", "correlation_id")
    search_help_text = "Request id or correlation id, whole."
    ordering = ("-id",)

    @display(description="Status", label=REQUEST_LABELS, ordering="status")
    def coloured_status(self, request: Request) -> str:
        """Return the status, which unfold colours."""
        return request.status
