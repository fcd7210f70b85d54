"""Wild Rydes as `make up` runs it, with the benchmark's service in place of the subscribers.

Front door, identity and unicorn management are the shipped ones, and so is every setting of
Django, Celery and the kernel but the topology.
"""

import kombu

from bench.topology import QUEUE_NAMES
from config.settings.local import *  # noqa: F403
from config.settings.local import FLOWER_URL, INSTALLED_APPS, UNFOLD, WILDRYDES
from config.settings.local import SERVICES as SHIPPED
from config.sidebar import sidebar

SERVICES = ["apps.identity", "apps.unicorn_management"]
INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if app not in SHIPPED or app in SERVICES),
    "bench.service",
]
WILDRYDES = {**WILDRYDES, "TOPOLOGY": "bench.topology.TOPOLOGY"}
CELERY_TASK_QUEUES = [kombu.Queue(name) for name in QUEUE_NAMES]
CELERY_TASK_DEFAULT_QUEUE = QUEUE_NAMES[0]
UNFOLD = {**UNFOLD, "SIDEBAR": sidebar(services=SERVICES, flower_url=FLOWER_URL)}
