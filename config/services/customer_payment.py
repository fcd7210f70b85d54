"""Customer payment alone."""

from config.services import alone
from config.settings.local import *  # noqa: F403

vars().update(alone("customer_payment"))
