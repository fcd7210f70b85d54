"""Wild Rydes with the probe beside the other services."""

import kombu

from config.settings.local import *  # noqa: F403
from config.settings.local import INSTALLED_APPS, SERVICES, WILDRYDES
from tests.faults.topology import QUEUE_NAMES

SERVICES = [*SERVICES, "tests.faults.probe"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.probe"]
WILDRYDES = {**WILDRYDES, "TOPOLOGY": "tests.faults.topology.TOPOLOGY"}
CELERY_TASK_QUEUES = [kombu.Queue(name) for name in QUEUE_NAMES]
