"""Fare collection alone."""

from config.services import alone
from config.settings.local import *  # noqa: F403

vars().update(alone("fare_collection"))
