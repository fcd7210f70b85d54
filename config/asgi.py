"""What granian serves: Django, behind a reception that slow clients cannot block."""

import os

from django.core.wsgi import get_wsgi_application

from wildrydes.front_door.reception import Reception
from wildrydes.front_door.requests import tolerant

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

application = Reception(tolerant(get_wsgi_application()))
