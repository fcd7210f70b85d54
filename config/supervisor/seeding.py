"""The database is brought up to date; what a demonstration needs is there: accounts, fleets, cards,
closed accounts, campaigns."""

from __future__ import annotations

import io
import json

from django.core import management
from django.db import connections

from config.supervisor import announcement


def prepare_database() -> announcement.Accounts:
    """Migrate, run every system check, seed; return the demo accounts.

    Safe to repeat. Leaves no database connection open.
    """
    try:
        management.call_command("migrate", interactive=False, verbosity=0)
        management.call_command("check", databases=["default"], stdout=io.StringIO())
        output = io.StringIO()
        management.call_command("seed_demo", "--json", stdout=output)
        management.call_command("seed_fleets")
        management.call_command("seed_payment_methods")
        management.call_command("seed_accounts")
        management.call_command("seed_campaigns")
        accounts: announcement.Accounts = json.loads(output.getvalue())
        return accounts
    finally:
        connections.close_all()
