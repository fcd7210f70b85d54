"""How Wild Rydes is put together: settings, topology, the Celery app, URLs, the local platform."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
