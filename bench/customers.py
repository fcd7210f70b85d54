"""Give each customer that prebooks a token, on either side: `python -m bench.customers`."""

from __future__ import annotations

import json

import django
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string

from bench.load.requests import CUSTOMERS


def main() -> None:
    """Create the users, issue the tokens and print them, in the order of `CUSTOMERS`."""
    django.setup()
    users, tokens = get_user_model(), import_string("knox.models.AuthToken").objects
    issued = []
    for name in CUSTOMERS:
        user = users(username=name)
        if hasattr(users, "role"):
            user.role, user.customer = "customer", name
        user.save()
        _, token = tokens.create(user)
        issued.append(token)
    print(json.dumps(issued))


if __name__ == "__main__":
    main()
