"""What granian serves: Django, behind a reception that slow clients cannot block.

In front of it stand the answers that wait for something to happen, which hold no thread. New work
is refused while what was accepted waits too long; completed rides are refused last.
"""

from django.urls import get_resolver

from config import wsgi
from wildrydes import garbage
from wildrydes.front_door.admission import Admission
from wildrydes.front_door.live import Live
from wildrydes.front_door.reception import Reception

ID = r"(?P<id>[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})"
LIVE_PATHS = (
    rf"/api/v1/instant-ride-rfqs/{ID}(?:/stream)?",
    rf"/query-instant-ride-rfq/{ID}",
)
COMPLETED_RIDES = ("/api/v1/ride-completions", "/submit-ride-completion")

admission = Admission(
    guarded=(*COMPLETED_RIDES, "/api/v1/instant-ride-rfqs", "/api/v1/ride-prebookings", "/submit-"),
    refused_last=COMPLETED_RIDES,
)
get_resolver().url_patterns  # noqa: B018 - loads every view, which else the first request would do
admission.keep_looking()
garbage.leave_alone_what_is_loaded()

application = Live(Reception(wsgi.application, admits=admission.admits), paths=LIVE_PATHS)
