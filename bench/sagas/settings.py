"""Wild Rydes as `make up` runs it, with nobody in it but who runs the sagas and takes part."""

import kombu

from bench.sagas.topology import QUEUE_NAMES
from config.settings.local import *  # noqa: F403
from config.settings.local import FLOWER_URL, INSTALLED_APPS, UNFOLD, WILDRYDES
from config.settings.local import SERVICES as SHIPPED
from config.sidebar import sidebar

SERVICES = ["apps.identity"]
INSTALLED_APPS = [
    *(app for app in INSTALLED_APPS if app not in SHIPPED or app in SERVICES),
    "bench.sagas",
]
WILDRYDES = {**WILDRYDES, "TOPOLOGY": "bench.sagas.topology.TOPOLOGY"}
CELERY_TASK_QUEUES = [kombu.Queue(name) for name in QUEUE_NAMES]
CELERY_TASK_DEFAULT_QUEUE = QUEUE_NAMES[0]
UNFOLD = {**UNFOLD, "SIDEBAR": sidebar(services=SERVICES, flower_url=FLOWER_URL)}
