"""Control Bus: what operators see of messages, dispatches, receipts and the topology.

Everything here is read-only; the tables are changed by the kernel alone.
Source: Hohpe and Woolf, Control Bus, Message Store.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.generic import TemplateView
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.views import UnfoldModelAdminViewMixin

from wildrydes import (
    admin_dead_letters,
    admin_redrives,
    admin_sagas,
    admin_scatters,
    deliveries,
    topology,
)
from wildrydes.admin_doctor import DoctorView
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin, SubscriptionFilter
from wildrydes.admin_queues import LimitView, QueuesView
from wildrydes.admin_search import ExactSearchAdmin
from wildrydes.models import Dispatch, Message, Receipt

# Django looks for pages in this module alone.
__all__ = ["admin_dead_letters", "admin_redrives", "admin_sagas", "admin_scatters"]

STATUS_LABELS = {
    "done": "success",
    "retrying": "warning",
    "parked": "info",
    "dead": "danger",
    "dropped": "info",
}
DISPATCH_LABELS = {"waiting": "info", "on the wire": "success", "sent again": "warning"}


class TopologyView(UnfoldModelAdminViewMixin, TemplateView):
    """The topology of this process, as `config/topology.py` says it."""

    title = "Topology"
    permission_required = ("wildrydes.view_message",)
    template_name = "wildrydes/topology.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add topics, queues, subscriptions and workers."""
        return super().get_context_data(topology=topology.current(), **kwargs)


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin, ExactSearchAdmin, FastCountAdmin, ModelAdmin):
    """The event log: newest first, found by any of its ids."""

    list_display = ("published_at", "type", "kind", "subject", "id", "correlation_id")
    search_fields = ("id",)
    search_help_text = "Message id, whole."
    ordering = ("-position",)
    fields = (
        "id",
        "position",
        "type",
        "kind",
        "source",
        "subject",
        "group_id",
        "correlation_id",
        "causation_id",
        "recipients",
        "reply_to",
        "published_at",
        "not_before",
        "expires_at",
        "trace_parent",
        "data",
        "timeline",
    )
    readonly_fields = ("timeline",)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that show the topology, the queues and what is stuck."""
        view = self.admin_site.admin_view(TopologyView.as_view(model_admin=self))
        doctor = self.admin_site.admin_view(DoctorView.as_view(model_admin=self))
        queues = self.admin_site.admin_view(QueuesView.as_view(model_admin=self))
        limit = self.admin_site.admin_view(LimitView.as_view(model_admin=self))
        return [
            path("topology", view, name="wildrydes_topology"),
            path("doctor", doctor, name="wildrydes_doctor"),
            path("queues", queues, name="wildrydes_queues"),
            path("queues/<str:queue>", limit, name="wildrydes_queue_limit"),
            *super().get_urls(),
        ]

    @display(description="Timeline")
    def timeline(self, message: Message) -> SafeString:
        """Show what happened to the message, in order of time."""
        return timeline_html(message.id)


@admin.register(Dispatch)
class DispatchAdmin(ReadOnlyAdmin, ExactSearchAdmin, FastCountAdmin, ModelAdmin):
    """What waits for a place in a queue, or is on the wire."""

    list_display = ("created_at", "subscription", "queue", "state", "size", "attempt", "sent_at")
    list_filter = ("queue",)
    search_fields = ("id",)
    search_help_text = "Dispatch id, whole."
    ordering = ("-id",)

    @display(description="State", label=DISPATCH_LABELS)
    def state(self, dispatch: Dispatch) -> str:
        """Say whether it waits, is on the wire, or had to be sent again."""
        if dispatch.sent_at is None:
            return "waiting"
        return "on the wire" if dispatch.attempt == 1 else "sent again"


@admin.register(Receipt)
class ReceiptAdmin(ReadOnlyAdmin, ExactSearchAdmin, FastCountAdmin, ModelAdmin):
    """What became of each message at each subscription; the dead letters are the dead ones."""

    list_display = (
        "received_at",
        "subscription",
        "message_type",
        "coloured_status",
        "attempts",
        "next_attempt_at",
        "short_error",
        "message_id",
    )
    list_filter = ("status", SubscriptionFilter)
    search_fields = ("message_id",)
    search_help_text = "Message id, whole."
    ordering = ("-id",)

    @display(description="Status", label=STATUS_LABELS, ordering="status")
    def coloured_status(self, receipt: Receipt) -> str:
        """Return the status, which unfold colours."""
        return receipt.status

    @display(description="Error")
    def short_error(self, receipt: Receipt) -> str:
        """Return the first line of the error."""
        return receipt.error.partition("\n")[0][:120]


def timeline_html(message_id: UUID) -> SafeString:
    """Return a message's timeline as a table for an admin page."""
    entries = deliveries.timeline_of(message_id)
    return render_to_string("wildrydes/timeline.html", {"entries": entries})
