"""Sagas in the admin: how far each is, drawn and told; and what a person may have done to it.

Whoever may operate sagas is offered what would not be refused, says why, and is on record.
Source: Hohpe and Woolf, Control Bus, Process Manager.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin
from unfold.decorators import display

from wildrydes import saga as sagas
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.conf import kernel_settings
from wildrydes.models import Saga
from wildrydes.saga import definition, graph, overview, picture, reading, telling
from wildrydes.saga.forms import OrderForm, ResultForm, StepForm
from wildrydes.saga.graph.layout import lay_out
from wildrydes.saga.offers import Offer, offered

STATUS_LABELS = {
    "running": "info",
    "compensating": "warning",
    "completed": "success",
    "compensated": "default",
    "stuck": "danger",
}
LABELS = {
    "retry": "Retry",
    "skip": "Skip a step",
    "supply": "Supply a result",
    "force_forward": "Force forward",
    "force_back": "Force back",
    "cancel": "Cancel",
}
MEANINGS = {
    "retry": "It tries again where it is stuck, with all the attempts of the policy.",
    "skip": "It goes on without this step or, on the way back, without undoing it. Nobody will.",
    "supply": "It goes on as if the participant had answered this. Say it only if it is so.",
    "force_forward": (
        "It goes forward again. What was undone is asked for anew. "
        "Discard the dead letters of what is stuck first."
    ),
    "force_back": "It turns round, also behind its pivot, and undoes what it has done.",
    "cancel": "It turns round and undoes what it has done.",
}
ORDERS: dict[str, Callable[..., None]] = {
    "retry": sagas.retry,
    "skip": sagas.skip,
    "supply": sagas.supply,
    "force_forward": sagas.force_forward,
    "force_back": sagas.force_back,
    "cancel": sagas.cancel,
}
UNDER_WAY = ("running", "compensating", "stuck")
SMALLEST = 0.8  # of its own size the picture stays readable


class DefinitionFilter(admin.SimpleListFilter):
    """Choose a definition that has sagas."""

    title = "definition"
    parameter_name = "definition"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the names of those definitions."""
        return [(name, name) for name in reading.names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Saga]) -> QuerySet[Saga]:
        """Keep the sagas of the chosen one; else let the same index find a rare status."""
        if self.value():
            return queryset.filter(definition=self.value())
        if request.GET.get("status__exact") in UNDER_WAY:
            return queryset.filter(definition__in=reading.names())
        return queryset


class AgeFilter(admin.SimpleListFilter):
    """Choose by age, which a saga's id tells: no index beside the primary key is needed."""

    title = "age"
    parameter_name = "age"
    CHOICES = (
        ("under-1h", "less than an hour"),
        ("under-1d", "less than a day"),
        ("over-1h", "more than an hour"),
        ("over-1d", "more than a day"),
    )
    AGES = {"1h": timedelta(hours=1), "1d": timedelta(days=1)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        """Return what can be chosen."""
        return self.CHOICES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Saga]) -> QuerySet[Saga]:
        """Keep the sagas of that age."""
        side, _, age = (self.value() or "").partition("-")
        if age not in self.AGES:
            return queryset
        first = _first_id(timezone.now() - self.AGES[age])
        return queryset.filter(**{"id__gte" if side == "under" else "id__lt": first})


@admin.register(Saga)
class SagaAdmin(ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """The sagas: the newest first."""

    change_form_outer_before_template = "wildrydes/saga_page.html"
    change_form_outer_after_template = "wildrydes/saga_history.html"
    list_display = (
        "started_at",
        "definition",
        "key",
        "coloured_status",
        "where",
        "took",
        "why",
    )
    list_display_links = ("started_at", "key")
    list_filter = ("status", DefinitionFilter, AgeFilter)
    search_fields = ("key",)
    search_help_text = "Key or saga id, whole."
    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    fields = (
        ("definition", "version"),
        ("key", "id"),
        ("coloured_status", "where"),
        ("started_at", "took"),
        ("failed_step", "reason"),
        ("wake_at", "deadline_at"),
        ("ended_at", "correlation_id"),
        "input",
    )
    readonly_fields = ("coloured_status", "where", "took")

    def get_urls(self) -> list[URLPattern]:
        """Add where the buttons lead."""
        order = self.admin_site.admin_view(self.order)
        extra = path("<uuid:saga_id>/<str:action>", order, name="wildrydes_saga_order")
        return [extra, *super().get_urls()]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Saga], search_term: str
    ) -> tuple[QuerySet[Saga], bool]:
        """Find sagas by their whole key or id."""
        term = search_term.strip()
        return (queryset.filter(reading.named(term)) if term else queryset), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a saga with its picture, its history, and what could be done."""
        saga = self.get_object(request, object_id)
        context = _context(saga, may=_may(request)) if saga is not None else {}
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **context}
        )
        return response

    def order(self, request: HttpRequest, saga_id: UUID, action: str) -> HttpResponse:
        """Ask why and with what, then carry an operator's order out."""
        if not _may(request):
            raise PermissionDenied
        saga = Saga.objects.filter(id=saga_id).first()
        if saga is None or action not in ORDERS:
            raise Http404
        form = _form(action, saga, request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._ask(request, saga, form, action)
        self._carry_out(request, saga, form, action)
        return redirect(reverse("admin:wildrydes_saga_change", args=[saga.pk]))

    @display(description="Status", label=STATUS_LABELS)
    def coloured_status(self, saga: Saga) -> str:
        """Return the status, which unfold colours."""
        return saga.status

    @display(description="At")
    def where(self, saga: Saga) -> str:
        """Return the steps that it stands at."""
        return telling.where(saga)

    @display(description="Took")
    def took(self, saga: Saga) -> str:
        """Return how long it took or, where it has not ended, is under way."""
        return reading.spoken((saga.ended_at or timezone.now()) - saga.started_at)

    @display(description="Because")
    def why(self, saga: Saga) -> str:
        """Return why it waits for a person, or turned round."""
        return (saga.stuck_because or saga.reason).partition("\n")[0][:100]

    def _carry_out(self, request: HttpRequest, saga: Saga, form: OrderForm, action: str) -> None:
        try:
            ORDERS[action](saga.id, by=request.user.get_username(), **form.cleaned_data)
        except sagas.SagaError as error:
            self.message_user(request, f"Refused: {error}.", messages.ERROR)
        else:
            self.message_user(request, f"{LABELS[action]}: done.", messages.SUCCESS)

    def _ask(self, request: HttpRequest, saga: Saga, form: OrderForm, action: str) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": LABELS[action],
            "meaning": MEANINGS[action],
            "saga": saga,
            "form": form,
        }
        return render(request, "wildrydes/saga_question.html", context)


def _may(request: HttpRequest) -> bool:
    return request.user.has_perm("wildrydes.operate_saga")


def _context(saga: Saga, *, may: bool) -> dict[str, Any]:
    entries = reading.entries_of(saga)
    known = definition.find(saga.definition, saga.version)
    state, now = reading.state_of(saga), timezone.now()
    outline = picture.outline(known, name=saga.definition, state=state, entries=entries, now=now)
    width = lay_out(outline).width
    return {
        "picture": mark_safe(graph.draw(outline)),  # noqa: S308 - it has escaped every text
        "picture_width": round(width * SMALLEST),
        "picture_most": round(width),
        "history": overview.rows(entries),
        "where": telling.where(saga),
        "flower_url": kernel_settings().flower_url,
        "offers": [_button(i, item) for i, item in enumerate(offered(known, state, now)) if may],
    }


def _button(number: int, offer: Offer) -> dict[str, Any]:
    return {"action": offer.action, "label": LABELS[offer.action], "is_first": number == 0}


def _form(action: str, saga: Saga, data: Any) -> OrderForm:
    """Return the action's form; for a step, asking about those that would not be refused now.

    What is answered may name any step that was begun: if it ended meanwhile, the refusal says so.
    """
    if action not in ("skip", "supply"):
        return OrderForm(data)
    known = definition.find(saga.definition, saga.version)
    offers = offered(known, reading.state_of(saga), timezone.now())
    possible = [item.steps for item in offers if item.action == action]
    steps = possible[0] if possible and data is None else tuple(saga.state)
    return ResultForm(data, steps=steps) if action == "supply" else StepForm(data, steps=steps)


def _first_id(moment: datetime) -> UUID:
    """Return an id that is not above any that was made from then on."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
