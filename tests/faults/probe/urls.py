"""The probe's paths beneath `/api/v1/`."""

from django.urls import path

from tests.faults.probe import api

urlpatterns = [
    path("probe-events", api.ProbeEventsView.as_view(), name="probe-events"),
    path("probe-journeys", api.ProbeJourneysView.as_view(), name="probe-journeys"),
]
