"""`manage.py seed_fleets`: the fleets that the topology names."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.unicorn_management.fleets import seeds


class Command(BaseCommand):
    """Create the fleets that are not there yet, and leave the others as they are."""

    help = "Create the fleets; where DEMO_ACCOUNTS is set, with unicorns and a rehearsed behaviour."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed."""
        seeds.seed(rehearse=getattr(settings, "DEMO_ACCOUNTS", False))
