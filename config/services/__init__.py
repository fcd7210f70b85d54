"""Each service alone: `DJANGO_SETTINGS_MODULE=config.services.<service>`.

A service alone has the kernel, `identity` (who is calling) and itself, and a database of its own,
which the environment names. Everything else is as in `config.settings.local`.
"""

from __future__ import annotations

from typing import Any

from config.settings import base
from config.sidebar import sidebar


def alone(service: str) -> dict[str, Any]:
    """Return the settings that differ when only `service` is installed."""
    services = list(dict.fromkeys(["apps.identity", f"apps.{service}"]))
    return {
        "SERVICES": services,
        "INSTALLED_APPS": [
            app for app in base.INSTALLED_APPS if app not in base.SERVICES or app in services
        ],
        "UNFOLD": {
            **base.UNFOLD,
            "SIDEBAR": sidebar(services=services, flower_url=base.FLOWER_URL),
        },
    }
