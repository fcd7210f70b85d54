"""`manage.py seed_campaigns`: campaigns to try prebooking with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.ride_prebooking.models import Campaign
from apps.ride_prebooking.operations import campaigning

BY = "seed_campaigns"
ON = timedelta(days=30)


class Command(BaseCommand):
    """Begin a campaign that is on and one that is over, unless they are there."""

    help = "Begin demo campaigns. Only where DEMO_ACCOUNTS is set."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed. Safe to call again."""
        if not getattr(settings, "DEMO_ACCOUNTS", False):
            raise CommandError("Demo accounts are switched off here (DEMO_ACCOUNTS is not set).")
        now = timezone.now()
        campaigns = (
            Campaign(
                code="SPRING", name="Spring in the winelands", starts_at=now, ends_at=now + ON
            ),
            Campaign(code="WINTER", name="Winter", starts_at=now - 2 * ON, ends_at=now - ON),
        )
        for campaign in campaigns:
            campaign.capacity, campaign.discount_percent = 1_000, 20
            if not Campaign.objects.filter(code=campaign.code).exists():
                campaigning.begin(campaign=campaign, by=BY)
