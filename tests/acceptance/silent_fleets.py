"""Settings in which two fleets are asked, and nobody but the test answers for them."""

from dataclasses import replace

from config.settings.local import *  # noqa: F403
from config.settings.local import WILDRYDES
from config.topology import TOPOLOGY as WHOLE
from wildrydes.topology import Subscription

FLEETS = ("cape-town", "winelands")
NOTHING = {"customer": ["nobody"]}


def _asked(entry: Subscription) -> Subscription:
    is_out = entry.answers_to and entry.responder not in FLEETS
    return replace(entry, filter=NOTHING) if is_out else entry


TOPOLOGY = replace(WHOLE, subscriptions=tuple(map(_asked, WHOLE.subscriptions)))
WILDRYDES = {**WILDRYDES, "TOPOLOGY": "tests.acceptance.silent_fleets.TOPOLOGY"}
