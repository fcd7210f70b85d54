"""The ledger as operators see it: to be read. What is wrong is put right by a further entry.

What they may do: give up what is owed for a ride, and close a customer's account.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.customer_accounting import operations, queries
from apps.customer_accounting.models import CustomerAccount, JournalEntry, Posting
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
    search_fields = ("customer", "ride_completion", "reference", "id")
    search_help_text = "Customer, ride completion id, reference or entry id, whole."
    ordering = ("-id",)
    sortable_by = ()
    inlines = (PostingInline,)
    actions = ("write_off",)
    readonly_fields = ("receivable",)

    def has_write_off_permission(self, request: HttpRequest) -> bool:
        """Say whether what is owed may be given up."""
        return request.user.has_perm("customer_accounting.write_off_journalentry")

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

    @display(description="The ride's receivable")
    def receivable(self, entry: JournalEntry) -> str:
        """Return how the ride stands now, and what is owed for it."""
        found = queries.receivables(rides=[entry.ride_completion])[entry.ride_completion]
        return f"{found.status.replace('_', ' ')}, {found.owed:.2f} {found.currency} owed"

    @admin.action(description="Write off what is owed for these rides", permissions=["write_off"])
    def write_off(self, request: HttpRequest, queryset: QuerySet[JournalEntry]) -> None:
        """Give up what is owed for the rides of the chosen entries."""
        by, now = request.user.get_username(), timezone.now()
        for ride in sorted(set(queryset.values_list("ride_completion", flat=True))):
            try:
                amount = operations.write_off(ride_completion=ride, by=by, now=now)
            except operations.NothingOwedError as error:
                self.message_user(request, f"{error}.".capitalize(), messages.WARNING)
            else:
                self.message_user(request, f"Written off: {amount} of {ride}.", messages.SUCCESS)


@admin.register(CustomerAccount)
class CustomerAccountAdmin(ExactSearchAdmin, FastCountAdmin, ModelAdmin):
    """The accounts that staff have closed, or opened again; a change is put on record."""

    list_display = ("customer", "is_closed", "reason")
    list_filter = ("is_closed",)
    search_fields = ("customer",)
    search_help_text = "Customer, whole."
    ordering = ("customer",)
    sortable_by = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Return what may not be changed: whose account it is, once it is there."""
        return ("customer",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: an account that may take payments is opened."""
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: CustomerAccount,
        form: ModelForm[CustomerAccount],
        change: bool,
    ) -> None:
        """Close the account or open it, and put it on record."""
        operations.change_account(account=obj, by=request.user.get_username())
