"""The Celery app: which broker, which queues, how work is acknowledged.

The hazards that these settings avoid are listed in `docs/decisions/0001-truth-in-postgres.md`;
`manage.py check` refuses the ones that would lose work.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("wildrydes")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
