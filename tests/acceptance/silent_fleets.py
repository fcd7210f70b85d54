"""Settings whose fleets say nothing by themselves: what is answered, a test has sent."""

from dataclasses import replace

from config.settings.local import *  # noqa: F403
from config.settings.local import WILDRYDES
from config.topology import TOPOLOGY as WHOLE
from wildrydes.topology import Subscription

FLEETS = ("cape-town", "winelands")

TOPOLOGY = replace(
    WHOLE,
    subscriptions=(
        *(entry for entry in WHOLE.subscriptions if not entry.answers_to),
        *(
            Subscription(
                name=f"silence.quote_{fleet}",
                topics=("quote-requests",),
                queue="ride_booking",
                responder=fleet,
                answers_to="ride_booking.gather_quotes",
            )
            for fleet in FLEETS
        ),
    ),
)
WILDRYDES = {**WILDRYDES, "TOPOLOGY": "tests.acceptance.silent_fleets.TOPOLOGY"}
