"""Who sells and who takes part, and nobody else."""

import kombu

from config.settings.local import *  # noqa: F403
from config.settings.local import INSTALLED_APPS, SERVICES, WILDRYDES
from tests.acceptance.selling.topology import QUEUES

OTHERS = [name for name in SERVICES if name != "apps.identity"]
INSTALLED_APPS = [name for name in INSTALLED_APPS if name not in OTHERS]
INSTALLED_APPS += ["tests.acceptance.selling"]
SERVICES = ["apps.identity"]
WILDRYDES = {**WILDRYDES, "TOPOLOGY": "tests.acceptance.selling.topology.TOPOLOGY"}
CELERY_TASK_QUEUES = [kombu.Queue(name) for name in QUEUES]
CELERY_TASK_DEFAULT_QUEUE = QUEUES[0]
