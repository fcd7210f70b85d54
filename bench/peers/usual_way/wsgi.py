"""The WSGI application. Importing the Celery app makes it the one that tasks are sent by."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.usual_way.settings")

from bench.peers.usual_way.celery import app as celery_app

application = get_wsgi_application()

__all__ = ["application", "celery_app"]
