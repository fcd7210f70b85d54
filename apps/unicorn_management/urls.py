"""Unicorn management's paths beneath `/api/v1/`, and the names of the original requirement."""

from django.urls import path

from apps.unicorn_management import api
from apps.unicorn_management.fleets import api as fleets

urlpatterns = [
    path("ride-completions", api.RideCompletionsView.as_view(), name="ride-completions"),
    path("ride-completions/batch", api.BatchView.as_view(), name="ride-completions-batch"),
    path("ride-completions/<uuid:id>", api.RideCompletionView.as_view(), name="ride-completion"),
    path("fleets", fleets.FleetsView.as_view(), name="fleets"),
    path("fleets/<slug:slug>", fleets.FleetView.as_view(), name="fleet"),
    path("unicorns/me", fleets.UnicornView.as_view(), name="unicorns-me"),
    path("unicorns/me/online", fleets.OnlineView.as_view(), name="unicorns-me-online"),
    path("unicorns/me/offline", fleets.OfflineView.as_view(), name="unicorns-me-offline"),
    path("unicorns/me/location", fleets.LocationView.as_view(), name="unicorns-me-location"),
]

alias_urlpatterns = [
    path("submit-ride-completion", api.SubmitRideCompletionView.as_view()),
]
