"""`manage.py seed_payment_methods`: cards for the demo customers."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.customer_payment import demo


class Command(BaseCommand):
    """Give the demo customers cards, unless they have some."""

    help = "Give the demo customers cards. Only where DEMO_ACCOUNTS is set."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed."""
        if not getattr(settings, "DEMO_ACCOUNTS", False):
            raise CommandError("Demo accounts are switched off here (DEMO_ACCOUNTS is not set).")
        demo.seed(now=timezone.now())
