"""Ride prebooking alone."""

from config.services import alone
from config.settings.local import *  # noqa: F403

vars().update(alone("ride_prebooking"))
