"""A process that submits one ride with a key, and may be told to die on the way.

`python -m tests.integration.apps.keyed_request KEY RIDE`, the ride as JSON.
"""

from __future__ import annotations

import json
import sys

import django

django.setup()

from rest_framework.test import APIClient  # noqa: E402

from apps.identity.models import User  # noqa: E402

if __name__ == "__main__":
    key, ride = sys.argv[1], json.loads(sys.argv[2])
    client = APIClient()
    client.force_authenticate(User.objects.get(username="unicorn"))
    answer = client.post(
        "/api/v1/ride-completions",
        ride,
        format="json",
        headers={"Idempotency-Key": key, "Host": "localhost"},
    )
    sys.exit(0 if answer.status_code == 201 else 1)
