"""`manage.py flush`, in place of Django's: only tables that were written are emptied.

Django empties every table after each test that commits, and then makes all content types and
permissions again; these stay here. A test that leaves nothing behind costs one query.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

KEPT = ("django_migrations", "django_content_type", "auth_permission")

# A table that was emptied and not written since has no bytes.
WRITTEN = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> ALL(%s)
    AND pg_relation_size(oid) > 0
"""


class Command(BaseCommand):
    """Empty the tables that were written."""

    help = "Empty the tables that were written, but for content types and permissions."
    stealth_options = (
        *("database", "interactive", "reset_sequences"),
        *("allow_cascade", "inhibit_post_migrate"),
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Empty them."""
        with connection.cursor() as cursor:
            cursor.execute(WRITTEN, [list(KEPT)])
            if tables := [connection.ops.quote_name(table) for (table,) in cursor.fetchall()]:
                cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
