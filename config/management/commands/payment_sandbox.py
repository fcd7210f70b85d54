"""`manage.py payment_sandbox`: the payment provider to rehearse with."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.env import ENV
from config.sandbox.server import Sandbox


class Command(BaseCommand):
    """Run the provider until a signal asks for the end."""

    help = "Run a payment provider that moves no money, with a ledger of its own."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the address to listen on."""
        parser.add_argument("--host", default="127.0.0.1", help="a container listens on 0.0.0.0")
        parser.add_argument("--port", type=int, default=ENV.sandbox_port)

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen, say so, and answer."""
        if not settings.STRIPE_SECRET_KEY:
            raise CommandError("Set STRIPE_SECRET_KEY: it is the key that the sandbox asks for.")
        path = ENV.state_dir / "sandbox" / "ledger.sqlite3"
        try:
            sandbox = Sandbox(
                host=options["host"],
                port=options["port"],
                key=settings.STRIPE_SECRET_KEY,
                path=path,
            )
        except OSError as error:
            raise CommandError(f"Port {options['port']}: {error}") from error
        self.stdout.write(f"The payment sandbox listens on port {sandbox.server_port}.")
        self.stdout.flush()
        sandbox.run()
