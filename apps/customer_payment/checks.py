"""Start-up checks of customer payment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks


def check_provider(
    app_configs: Iterable[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Warn before a deployment that no payment could be made."""
    if settings.STRIPE_SECRET_KEY:
        return []
    return [
        checks.Warning(
            "There is no key for the payment provider.",
            hint="Set STRIPE_SECRET_KEY_FILE.",
            id="customer_payment.W001",
        )
    ]
