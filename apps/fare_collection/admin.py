"""Fares as staff see them: how each collection stands, and what they may give back."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from apps.fare_collection import queries
from apps.fare_collection.models import FareCollection, FareRefund
from apps.fare_collection.operations import refunding
from wildrydes.admin_lists import DayRangeFilter, FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin
from wildrydes.models import Saga

LABELS = {
    "collecting": "info",
    "collected": "success",
    "failed": "danger",
    "refunding": "warning",
    "refunded": "success",
    "stuck": "danger",
}


class RefundForm(forms.Form):
    """How much staff give back of each chosen fare, and why."""

    amount = forms.DecimalField(
        label="Amount; nothing means all that is left",
        required=False,
        min_value=0.01,
        max_digits=12,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "0.01"}),
    )
    reason = forms.CharField(
        label="Why", max_length=200, widget=UnfoldAdminTextInputWidget(attrs={"autofocus": True})
    )


class RefundInline(ReadOnlyAdmin, TabularInline):
    """What was given back of a fare, or is to be."""

    model = FareRefund
    fields = ("amount", "status", "why", "requested_by", "requested_at", "failed_step", "reason")
    ordering = ("id",)


@admin.register(FareCollection)
class FareCollectionAdmin(ExactSearchAdmin, ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """The collections of fares, newest first; refunds begin here."""

    list_display = (
        "begun_at",
        "customer",
        "route",
        "money",
        "refunded",
        "coloured_status",
        "failed_step",
    )
    list_display_links = ("begun_at", "customer")
    list_filter = (("begun_at", DayRangeFilter), "status")
    list_filter_submit = True
    search_fields = ("id", "ride_completion", "ride", "customer")
    search_help_text = "Collection id, ride completion id, booked ride or customer, whole."
    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    actions = ("refund",)
    inlines = (RefundInline,)
    fields = (
        ("id", "saga"),
        ("ride_completion", "ride"),
        "customer",
        ("origin", "destination"),
        ("amount", "refunded", "in_refund", "currency"),
        ("coloured_status", "card"),
        ("where", "why"),
        ("begun_at", "ended_at"),
    )
    readonly_fields = ("saga", "coloured_status", "where", "why")

    def get_queryset(self, request: HttpRequest) -> QuerySet[FareCollection]:
        """Add to each collection how its saga stands."""
        rows: QuerySet[FareCollection] = super().get_queryset(request)
        status = Saga.objects.filter(id=OuterRef("id")).values("status")[:1]
        return rows.annotate(saga_status=Subquery(status))

    def has_refund_permission(self, request: HttpRequest) -> bool:
        """Say whether fares may be given back."""
        return request.user.has_perm("fare_collection.refund_farecollection")

    @admin.action(description="Refund: give collected fares back", permissions=["refund"])
    def refund(
        self, request: HttpRequest, queryset: QuerySet[FareCollection]
    ) -> HttpResponse | None:
        """Ask how much and why, then begin to give the chosen fares back."""
        form = RefundForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._ask(request, queryset, form)
        for collection_id in queryset.order_by("id").values_list("id", flat=True):
            try:
                refund = refunding.ask(
                    collection_id=collection_id,
                    amount=form.cleaned_data["amount"],
                    why=form.cleaned_data["reason"],
                    by=request.user.get_username(),
                    now=timezone.now(),
                )
            except (refunding.NothingToRefundError, refunding.TooMuchError) as error:
                self.message_user(request, f"{collection_id}: {error}.", messages.WARNING)
            else:
                text = f"Being given back: {refund.amount} of {collection_id}."
                self.message_user(request, text, messages.SUCCESS)
        return None

    @display(description="Ride")
    def route(self, row: FareCollection) -> str:
        """Return where the ride went."""
        return f"{row.origin} – {row.destination}"

    @display(description="Fare")
    def money(self, row: FareCollection) -> str:
        """Return the fare with its currency."""
        return f"{row.amount} {row.currency}"

    @display(description="Status", label=LABELS)
    def coloured_status(self, row: FareCollection) -> str:
        """Return the status, or that it waits for a person; unfold colours it."""
        is_stuck = row.saga_status == queries.STUCK  # type: ignore[attr-defined]
        return queries.STUCK if is_stuck else row.status

    @display(description="Saga")
    def saga(self, row: FareCollection) -> str:
        """Lead to the saga that collects the fare."""
        try:
            url = reverse("admin:wildrydes_saga_change", args=[row.id])
        except NoReverseMatch:
            return str(row.id)
        return format_html('<a class="underline" href="{}">{}</a>', url, row.id)

    @display(description="Failed at")
    def where(self, row: FareCollection) -> str:
        """Return the step that failed or is stuck."""
        return queries.standing(row).failed_step

    @display(description="Because")
    def why(self, row: FareCollection) -> str:
        """Return why it failed or is stuck."""
        return queries.standing(row).reason

    def _ask(
        self, request: HttpRequest, rows: QuerySet[FareCollection], form: forms.Form
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Refund",
            "form": form,
            "action": "refund",
            "count": rows.count(),
            "selected": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
        }
        return render(request, "fare_collection/refund_question.html", context)
