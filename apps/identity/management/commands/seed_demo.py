"""`manage.py seed_demo`: accounts to try the platform with."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.utils import timezone

from apps.identity import demo
from apps.identity.models import User


class Command(BaseCommand):
    """Create the demo accounts, or find them as they are, and print how to use them."""

    help = "Create demo accounts with working tokens. Only where DEMO_ACCOUNTS is set."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take `--json`."""
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, then print."""
        if not getattr(settings, "DEMO_ACCOUNTS", False):
            raise CommandError("Demo accounts are switched off here (DEMO_ACCOUNTS is not set).")
        try:
            demo.seed(now=timezone.now())
        except OperationalError as error:
            raise CommandError(
                f"The database does not answer; is `make up` running? {error}"
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(_as_json()))
            return
        for account in demo.ACCOUNTS:
            self.stdout.write(
                f"{account.role:9} {account.username:10} "
                f"password {account.password}  token {account.token}"
            )


def _as_json() -> dict[str, list[dict[str, str]]]:
    accounts = demo.ACCOUNTS
    return {
        "customers": [
            {"username": item.username, "customer": item.customer, "token": item.token}
            for item in accounts
            if item.role == User.Role.CUSTOMER
        ],
        "unicorns": [
            {"username": item.username, "fleet": item.fleet, "token": item.token}
            for item in accounts
            if item.role == User.Role.UNICORN
        ],
        "staff": [
            {"username": item.username, "password": item.password, "token": item.token}
            for item in accounts
            if item.role == User.Role.STAFF
        ],
    }
