"""Django as a WSGI application, for `config.asgi` and for servers that speak WSGI only."""

import os

from django.core.wsgi import get_wsgi_application

from wildrydes.front_door.requests import tolerant

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

application = tolerant(get_wsgi_application())
