"""Dead Letter Channel in the admin: look at dead letters, redrive, edit and discard them.

Each thing to do has a permission of its own. What is done to a selection that a person is asked
about first concerns what was dead when the question was put, not what has died since.
Source: Hohpe and Woolf, Dead Letter Channel, Control Bus.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from wildrydes.admin_lists import FastCountAdmin, SubscriptionFilter
from wildrydes.dead_letters import canary, editing, operations
from wildrydes.dead_letters.forms import CanaryForm, DiscardForm, LetterForm
from wildrydes.errors import DeadLetterError
from wildrydes.models import DeadLetter

Response = HttpResponse | None

PREFORMATTED = "overflow-x-auto whitespace-pre font-mono text-xs leading-relaxed"


@admin.register(DeadLetter)
class DeadLetterAdmin(FastCountAdmin, ModelAdmin):
    """The receipts that wait for a person: the newest first."""

    form = LetterForm
    change_form_outer_before_template = "wildrydes/dead_letter_buttons.html"
    actions = ("redrive", "redrive_canary", "discard")
    list_display = (
        "received_at",
        "last_failed_at",
        "subscription",
        "message_type",
        "attempts",
        "short_error",
        "message_id",
    )
    list_filter = (SubscriptionFilter,)
    search_fields = ("message_id",)
    search_help_text = "Message id or correlation id, whole."
    ordering = ("-id",)
    readonly_fields = (
        "subscription",
        "attempts",
        "first_failed_at",
        "last_failed_at",
        "worker",
        "error",
        "pretty_traceback",
        "message_type",
        "message_link",
        "group_id",
        "position",
        "original",
    )
    fieldsets = (
        (
            "What went wrong",
            {
                "fields": (
                    "subscription",
                    "error",
                    ("attempts", "first_failed_at", "last_failed_at"),
                    "worker",
                    "pretty_traceback",
                )
            },
        ),
        (
            "Message",
            {
                "fields": (
                    "message_link",
                    "message_type",
                    ("group_id", "position"),
                    "message",
                    "original",
                )
            },
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: letters die by themselves."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: a receipt that is gone would let its message in again."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Say whether the message may be edited; the other fields never are."""
        return _may(request, "edit")

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        """Say whether letters may be sent again."""
        return _may(request, "redrive")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """Say whether letters may be let go of."""
        return _may(request, "discard")

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        """Hold the letter while an edit of it is checked and saved."""
        letter = super().get_object(request, object_id, from_field)
        if letter is not None and request.method == "POST":
            return DeadLetter.objects.select_for_update().filter(pk=letter.pk).first()
        return letter

    def save_model(self, request: HttpRequest, obj: DeadLetter, form: Any, change: bool) -> None:
        """Put the edited message in place; keep what arrived."""
        if "message" in form.changed_data:
            message = form.cleaned_data["message"]
            editing.edit(receipt_id=obj.pk, message=message, by=request.user.get_username())

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find letters by the whole id of their message, or of what it belongs to."""
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(message__correlationid=term)
        with suppress(ValueError):
            found |= Q(message_id=UUID(term))
        return queryset.filter(found), False

    @admin.action(description="Redrive: send them again", permissions=["redrive"])
    def redrive(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> Response:
        """Send the letters again, with all their attempts."""
        result = operations.redrive(ids=_ids(queryset), by=request.user.get_username())
        self._tell(request, f"On their way again: {len(result.taken)}.", result)
        return None

    @admin.action(
        description="Canary redrive: one, then ten, then the rest", permissions=["redrive"]
    )
    def redrive_canary(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> Response:
        """Ask for the rate, then start a canary redrive and show it."""
        form = CanaryForm(request.POST if "confirmed" in request.POST else None)
        chosen = _as_asked_about(request, queryset)
        if not form.is_valid():
            return self._ask(request, chosen, form, "redrive_canary", "Canary redrive")
        try:
            redrive = canary.start(
                ids=_ids(chosen),
                by=request.user.get_username(),
                rate=form.cleaned_data["rate"],
                selection=dict(request.GET.items()),
            )
        except DeadLetterError as error:
            self.message_user(request, str(error), messages.ERROR)
            return None
        return redirect(reverse("admin:wildrydes_redrive_change", args=[redrive.pk]))

    @admin.action(description="Discard: let go of them for good", permissions=["discard"])
    def discard(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> Response:
        """Ask why, then let go of the letters."""
        form = DiscardForm(request.POST if "confirmed" in request.POST else None)
        chosen = _as_asked_about(request, queryset)
        if not form.is_valid():
            return self._ask(request, chosen, form, "discard", "Discard")
        reason = form.cleaned_data["reason"]
        by = request.user.get_username()
        result = operations.discard(ids=_ids(chosen), by=by, reason=reason)
        self._tell(request, f"Discarded: {len(result.taken)}.", result)
        return None

    @display(description="Error")
    def short_error(self, letter: DeadLetter) -> str:
        """Return the first line of the error."""
        return letter.error.partition("\n")[0][:120]

    @display(description="Traceback")
    def pretty_traceback(self, letter: DeadLetter) -> str:
        """Show the traceback as Python does."""
        if not letter.traceback:
            return ""
        return format_html('<pre class="{}">{}</pre>', PREFORMATTED, letter.traceback)

    @display(description="As it arrived")
    def original(self, letter: DeadLetter) -> str:
        """Show what arrived, where it has been edited since."""
        if letter.original_message is None:
            return "the same"
        text = json.dumps(letter.original_message, indent=2, ensure_ascii=False)
        return format_html('<pre class="{}">{}</pre>', PREFORMATTED, text)

    @display(description="Message id")
    def message_link(self, letter: DeadLetter) -> SafeString:
        """Lead to everything that is known of the message."""
        url = f"{reverse('admin:wildrydes_message_changelist')}?q={letter.message_id}"
        return format_html('<a class="underline" href="{}">{}</a>', url, letter.message_id)

    def _tell(self, request: HttpRequest, text: str, result: operations.Result) -> None:
        if result.taken:
            self.message_user(request, text, messages.SUCCESS)
        if result.gone:
            gone = f"No dead letters any more: {result.gone}."
            self.message_user(request, gone, messages.WARNING)
        if result.refused:
            why = f"Left as they are: {result.refused}: {'; '.join(result.reasons)}."
            self.message_user(request, why, messages.WARNING)

    def _ask(
        self,
        request: HttpRequest,
        letters: QuerySet[DeadLetter],
        form: forms.Form,
        action: str,
        title: str,
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "form": form,
            "action": action,
            "count": letters.count(),
            "asked_at": request.POST.get("asked_at") or _database_time().isoformat(),
            "select_across": request.POST.get("select_across", "0"),
            "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        }
        return render(request, "wildrydes/dead_letter_question.html", context)


def _may(request: HttpRequest, what: str) -> bool:
    return request.user.has_perm(f"wildrydes.{what}_dead_letter")


def _ids(letters: QuerySet[DeadLetter]) -> list[int]:
    return list(letters.order_by("id").values_list("id", flat=True))


def _as_asked_about(request: HttpRequest, letters: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
    """Leave out what has died since the person was asked."""
    try:
        asked_at = datetime.fromisoformat(request.POST.get("asked_at", ""))
    except ValueError:
        return letters
    failed_at = Coalesce("last_failed_at", "received_at")
    return letters.alias(failed_at=failed_at).filter(failed_at__lte=asked_at)


def _database_time() -> datetime:
    now: datetime = DeadLetter.objects.annotate(now=Now()).values_list("now", flat=True)[0]
    return now
