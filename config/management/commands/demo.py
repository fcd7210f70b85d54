"""Send a handful of rides through the platform, take an instant ride, collect fares, let a crowd
prebook, and show who got what."""

import contextlib
import io
import json
import sys
import time
from typing import Any

from django.core import management
from django.core.management.base import BaseCommand

from config.demo import client, crowd, fares, following, host, instant, report, rides
from config.env import ENV
from config.supervisor import announcement, errors, supervision


class Command(BaseCommand):
    """Start the platform unless it is up, report rides, follow them, show the effects; then ask
    for an instant ride, show the quotes as they come, and take the cheapest; then show how fares
    are collected, and how each way to fail ends; then let a crowd prebook in a campaign."""

    help = __doc__
    requires_system_checks = []  # they ask the servers, which may not run yet

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit with status 0 when every ride reached exactly the services it should, and the
        instant ride went from its request to its completion."""
        try:
            with (
                supervision.stopped_by_signals(),
                host.platform(ENV, say=self.stdout.write) as platform,
            ):
                complaints = self._demonstrate(platform.url)
                self._conclude(complaints, url=platform.url)
                if platform.is_ours and sys.stdin.isatty() and sys.stdout.isatty():
                    self._offer_to_stay(platform.url)
        except (errors.PlatformError, client.RequestRefused) as error:
            self.stderr.write(str(error))
            sys.exit(1)
        except supervision.StopRequested:
            sys.exit(130)
        if complaints:
            sys.exit(1)

    def _demonstrate(self, url: str) -> list[str]:
        accounts = _demo_accounts()
        unicorn = client.Caller(url=url, token=accounts["unicorns"][0]["token"])
        customer = client.Caller(url=url, token=_token_of(accounts, rides.CUSTOMER))
        staff = client.Caller(url=url, token=accounts["staff"][0]["token"])
        with contextlib.closing(unicorn), contextlib.closing(customer), contextlib.closing(staff):
            deadline = time.monotonic() + following.DEADLINE_SECONDS
            sent = [following.send(unicorn, ride) for ride in rides.RIDES]
            outcomes = [following.follow(unicorn, ride, deadline=deadline) for ride in sent]
            report.print_outcomes(outcomes, stream=sys.stdout)
            trip, wrong = self._take_instant_ride(url, customer)
            report.print_outcomes([trip.outcome], stream=sys.stdout)
            wrong += self._collect_fares(unicorn, staff)
            wrong += self._let_a_crowd_prebook(staff)
            pages = ("statement", "loyalty", "notifications")
            mine = {page: customer.mine(page) for page in pages}
            report.print_customer(mine, stream=sys.stdout)
        return [*report.complaints([*outcomes, trip.outcome]), *wrong]

    def _take_instant_ride(
        self, url: str, customer: client.Caller
    ) -> tuple[instant.Trip, list[str]]:
        self.stdout.write(
            f"\nCustomer {rides.CUSTOMER} asks for a ride from {instant.ORIGIN} to "
            f"{instant.DESTINATION}, and waits {instant.ANSWER_SECONDS} s for quotes"
        )
        say = self._say
        quoting = instant.ask(customer, say=say)
        instant.tell_of_silence(quoting, say=say)
        trip = instant.travel(quoting, url=url, customer=customer, say=say)
        self._say("")
        return trip, instant.complaints(quoting, trip)

    def _collect_fares(self, unicorn: client.Caller, staff: client.Caller) -> list[str]:
        if not ENV.runs_sandbox:
            self._say("Fares are shown with the payment sandbox only: a provider is set.")
            return []
        self._say(f"\nFive customers have each ridden for {fares.FARE}")
        told = fares.show(unicorn, staff, say=self._say)
        self._say("")
        report.print_fares(told, stream=sys.stdout)
        return fares.complaints(told)

    def _let_a_crowd_prebook(self, staff: client.Caller) -> list[str]:
        self._say(f"\n{crowd.CROWD} customers prebook in a campaign of {crowd.PLACES} places")
        rush = crowd.rush(staff, code=crowd.begin_campaign(), stream=sys.stdout)
        self._say(
            f"All were answered in {rush.seconds:.1f} s: {rush.statuses['confirmed']} are "
            f"confirmed, {rush.statuses['rejected']} are told that no place is left.\n"
        )
        return crowd.complaints(rush)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def _conclude(self, complaints: list[str], *, url: str) -> None:
        for complaint in complaints:
            self.stderr.write(complaint)
        if not complaints:
            self.stdout.write(
                "Every ride reached the services it should, and no other; the instant ride went "
                "from its request to its completion; every fare ended as it must, and the "
                "provider's ledger agrees with ours; the campaign was filled and not oversold."
            )
        completions = f"{url}/admin/unicorn_management/ridecompletion/"
        self.stdout.write(f"Each ride with its timeline, in the admin: {completions}")
        self.stdout.write(f"Every fare: {url}/admin/fare_collection/farecollection/")
        self.stdout.write(f"Every prebooking: {url}/admin/ride_prebooking/prebooking/")
        rfqs = f"{url}/admin/ride_booking/rfq/"
        self.stdout.write(f"Who answered what to the request for quotes: {rfqs}")

    def _offer_to_stay(self, url: str) -> None:
        self.stdout.write(f"Wild Rydes stays up at {url}. Press Enter to stop it.")
        with contextlib.suppress(EOFError):
            input()


def _demo_accounts() -> announcement.Accounts:
    output = io.StringIO()
    management.call_command("seed_demo", "--json", stdout=output)
    accounts: announcement.Accounts = json.loads(output.getvalue())
    return accounts


def _token_of(accounts: announcement.Accounts, customer: str) -> str:
    tokens = {account["customer"]: account["token"] for account in accounts["customers"]}
    return str(tokens[customer])
