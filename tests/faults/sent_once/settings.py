"""The relay of this app comes before the kernel's."""

from tests.faults.settings import *  # noqa: F403
from tests.faults.settings import INSTALLED_APPS

INSTALLED_APPS = ["tests.faults.sent_once", *INSTALLED_APPS]
