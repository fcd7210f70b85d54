"""Run the whole platform on this machine, in the foreground."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.env import ENV
from config.supervisor import errors, platform


class Command(BaseCommand):
    """Start everything, say when it is ready, and stay until Ctrl-C."""

    help = __doc__
    requires_system_checks = []  # they ask the servers, which do not run yet; `up` checks later

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal asks for the end; exit with status 1 when it cannot start."""
        try:
            platform.run(ENV)
        except errors.PlatformError as error:
            self.stderr.write(str(error))
            sys.exit(1)
