"""Canary redrives in the admin: how far each is, what failed again; pause, resume, cancel.

And the record of who did what, which nobody can change.
Source: Hohpe and Woolf, Control Bus.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from wildrydes import redrives
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin
from wildrydes.dead_letters import canary
from wildrydes.errors import DeadLetterError
from wildrydes.models import OperatorAction, Redrive

STATE_LABELS = {
    "running": "info",
    "paused": "warning",
    "halted": "danger",
    "cancelled": "default",
    "finished": "success",
}
MOVES: dict[str, Callable[..., Redrive]] = {
    "pause": canary.pause,
    "resume": canary.resume,
    "cancel": canary.cancel,
}
FAILURES_SHOWN = 20


@admin.register(Redrive)
class RedriveAdmin(FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """The canary redrives: the newest first."""

    change_form_outer_before_template = "wildrydes/redrive_buttons.html"
    list_display = (
        "number",
        "coloured_state",
        "stage",
        "progress",
        "failed",
        "rate",
        "started_by",
        "started_at",
        "reason",
    )
    list_display_links = ("number",)
    list_filter = ("state",)
    ordering = ("-id",)
    fields = (
        "state",
        "reason",
        "bars",
        "rate",
        "selection",
        ("started_by", "started_at", "ended_at"),
        "failures",
    )

    def get_urls(self) -> list[URLPattern]:
        """Add where the buttons lead."""
        move = self.admin_site.admin_view(self.move)
        extra = path("<int:redrive_id>/<str:name>", move, name="wildrydes_redrive_move")
        return [extra, *super().get_urls()]

    def move(self, request: HttpRequest, redrive_id: int, name: str) -> HttpResponse:
        """Pause, resume or cancel a redrive."""
        if request.method != "POST" or name not in MOVES:
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm("wildrydes.redrive_dead_letter"):
            raise PermissionDenied
        try:
            MOVES[name](redrive_id=redrive_id, by=request.user.get_username())
        except DeadLetterError as error:
            self.message_user(request, str(error), messages.ERROR)
        return redirect(reverse("admin:wildrydes_redrive_change", args=[redrive_id]))

    @display(description="Redrive", ordering="id")
    def number(self, redrive: Redrive) -> str:
        """Return its number."""
        return f"#{redrive.pk}"

    @display(description="State", label=STATE_LABELS, ordering="state")
    def coloured_state(self, redrive: Redrive) -> str:
        """Return the state, which unfold colours."""
        return redrive.state

    @display(description="Progress")
    def progress(self, redrive: Redrive) -> str:
        """Return how many have come to an end."""
        return f"{redrive.settled} of {redrive.size}"

    @display(description="Progress")
    def bars(self, redrive: Redrive) -> SafeString:
        """Show the stages, and how many letters came to which end."""
        return render_to_string("wildrydes/redrive_progress.html", _picture(redrive))

    @display(description="Failed again")
    def failures(self, redrive: Redrive) -> SafeString:
        """Show the first letters that failed again, with their errors."""
        failed = redrive.items.filter(outcome="failed").order_by("number")[:FAILURES_SHOWN]
        context = {"failed": failed, "more": max(0, redrive.failed - FAILURES_SHOWN)}
        return render_to_string("wildrydes/redrive_failures.html", context)


@admin.register(OperatorAction)
class OperatorActionAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """Who did what: the newest first. Append-only, in the database too."""

    list_display = ("at", "by", "action", "subscription", "message_id", "receipt_id")
    search_fields = ("message_id",)
    search_help_text = "Message id, whole."
    ordering = ("-id",)


def _picture(redrive: Redrive) -> dict[str, Any]:
    names = ("done", "failed", "dropped", "skipped", "in_work", "waiting")
    counts = {name: getattr(redrive, name) for name in names}
    shares = {name: 100 * count / max(1, redrive.size) for name, count in counts.items()}
    labels = {"one": "one", "ten": "ten", "rest": f"the rest, {redrive.rate:g} a second"}
    stages = [(labels[stage], stage == redrive.stage) for stage in redrives.Stage.values]
    return {"redrive": redrive, "counts": counts, "shares": shares, "stages": stages}
