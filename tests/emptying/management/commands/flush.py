"""`manage.py flush`, in place of Django's: only tables that hold rows are emptied.

Django empties every table after each test that commits, and then makes all content types and
permissions again; these stay here. A test that leaves nothing behind costs one query.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

KEPT = ("django_migrations", "django_content_type", "auth_permission")
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)"


class Command(BaseCommand):
    """Empty the tables that hold rows."""

    help = "Empty the tables that hold rows, but for content types and permissions."
    stealth_options = (
        *("database", "interactive", "reset_sequences"),
        *("allow_cascade", "inhibit_post_migrate"),
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Empty them."""
        quote = connection.ops.quote_name
        with connection.cursor() as cursor:
            cursor.execute(TABLES, [list(KEPT)])
            tables = [quote(table) for (table,) in cursor.fetchall()]
            looks = (f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table})" for table in tables)
            cursor.execute(" UNION ALL ".join(looks))
            if full := [table for (table,) in cursor.fetchall()]:
                cursor.execute(f"TRUNCATE {', '.join(full)} CASCADE")
