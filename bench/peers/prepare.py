"""Make the peers' tables and print a token: `python -m bench.peers.prepare`."""

from __future__ import annotations

import django
from django.core.management import call_command
from django.utils.module_loading import import_string

from bench.peers import with_dbos


def main() -> None:
    """Migrate, create a user, issue a token."""
    django.setup()
    call_command("migrate", run_syncdb=True, interactive=False, verbosity=0)
    with_dbos.prepare()
    users = import_string("django.contrib.auth.models.User").objects
    tokens = import_string("knox.models.AuthToken").objects
    _, token = tokens.create(users.create_user("rarity"))
    print(token)


if __name__ == "__main__":
    main()
