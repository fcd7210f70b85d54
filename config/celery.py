"""The Celery app: which broker, which queues, how work is acknowledged.

The hazards that these settings avoid are listed in `docs/decisions/0001-truth-in-postgres.md`;
`manage.py check` refuses the ones that would lose work.
"""

import os
from typing import Any

from celery import Celery
from celery.app.backends import BACKEND_ALIASES
from celery.app.defaults import DEFAULTS
from celery.signals import worker_ready
from kombu.transport import TRANSPORT_ALIASES

from wildrydes import garbage, serialization
from wildrydes.task_events import EventsTogether

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

TRANSPORT_ALIASES.update(
    redis="wildrydes.transport:Transport", rediss="wildrydes.transport:Transport"
)
BACKEND_ALIASES.update(redis="wildrydes.results:Backend", rediss="wildrydes.results:Backend")

serialization.register()

app = Celery("wildrydes", amqp="wildrydes.transport:AMQP")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

app.steps["consumer"].add(EventsTogether)


@app.on_after_configure.connect
def _look_settings_up_once(source: Any, **_: object) -> None:
    """Put what each setting is where Celery looks first.

    It looks up a dozen with every message that it sends, through Django's settings and names that
    they had once: 4 to 14 microseconds each. What changes in Django's settings after this is not
    noticed.
    """
    source.changes.update({name: source[name] for name in DEFAULTS})


worker_ready.connect(garbage.leave_alone_what_is_loaded)
