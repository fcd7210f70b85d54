"""The ledger as operators see it: to be read. What is wrong is put right by a further entry."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.customer_accounting.models import JournalEntry, Posting
from wildrydes.admin_lists import FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin


class PostingInline(ReadOnlyAdmin, TabularInline):
    """The lines of an entry."""

    model = Posting
    fields = ("account", "customer", "amount", "currency")
    ordering = ("id",)


@admin.register(JournalEntry)
class JournalEntryAdmin(ExactSearchAdmin, FastCountAdmin, ReadOnlyAdmin, ModelAdmin):
    """The journal, newest first."""

    list_display = ("description", "customer", "owed", "kind", "occurred_at")
    list_filter = ("kind",)
    search_fields = ("customer", "ride_completion", "id")
    search_help_text = "Customer, ride completion id or entry id, whole."
    ordering = ("-id",)
    sortable_by = ()
    inlines = (PostingInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalEntry]:
        """Add to each entry what it makes its customer owe."""
        receivable = Posting.objects.filter(
            entry=OuterRef("pk"),
            account=Posting.Account.CUSTOMER_RECEIVABLE,
            customer=F("entry__customer"),
        )
        entries: QuerySet[JournalEntry] = super().get_queryset(request)
        return entries.annotate(owed=Subquery(receivable.values("amount")[:1]))

    @display(description="Owed")
    def owed(self, entry: JournalEntry) -> Decimal:
        """Return the amount on the customer's receivable."""
        amount: Decimal = entry.owed  # type: ignore[attr-defined]
        return amount
