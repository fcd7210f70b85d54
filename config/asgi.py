"""What granian serves: Django, behind a reception that slow clients cannot block.

New work is refused while what was accepted waits too long; completed rides are refused last.
"""

from config import wsgi
from wildrydes.front_door.admission import Admission
from wildrydes.front_door.reception import Reception

COMPLETED_RIDES = ("/api/v1/ride-completions", "/submit-ride-completion")

admission = Admission(
    guarded=(*COMPLETED_RIDES, "/api/v1/instant-ride-rfqs", "/submit-"),
    refused_last=COMPLETED_RIDES,
)
admission.keep_looking()

application = Reception(wsgi.application, admits=admission.admits)
