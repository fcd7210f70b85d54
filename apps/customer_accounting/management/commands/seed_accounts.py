"""`manage.py seed_accounts`: close the accounts of the demo customers who stand for that."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.customer_accounting import operations
from apps.customer_accounting.models import CustomerAccount

CLOSED = ("cmr-closed", "cmr-refund")
REASON = "Closed for the demonstration."
BY = "seed_accounts"


class Command(BaseCommand):
    """Close the accounts that cannot be credited, unless somebody has decided about them."""

    help = "Close some demo customers' accounts. Only where DEMO_ACCOUNTS is set."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed. Safe to call again."""
        if not getattr(settings, "DEMO_ACCOUNTS", False):
            raise CommandError("Demo accounts are switched off here (DEMO_ACCOUNTS is not set).")
        for customer in CLOSED:
            if not CustomerAccount.objects.filter(customer=customer).exists():
                account = CustomerAccount(customer=customer, is_closed=True, reason=REASON)
                operations.change_account(account=account, by=BY)
