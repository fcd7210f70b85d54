"""The Celery app, with nothing set but the broker."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.usual_way.settings")

app = Celery("usual_way")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
