"""What granian serves: Django, behind a reception that slow clients cannot block."""

from config import wsgi
from wildrydes.front_door.reception import Reception

application = Reception(wsgi.application)
