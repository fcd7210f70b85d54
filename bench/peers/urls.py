"""The paths that Wild Rydes has for the same."""

from django.urls import path

from bench.peers.api import RidesView
from bench.peers.prebooking import PrebookingsView

urlpatterns = [
    path("api/v1/ride-completions", RidesView.as_view()),
    path("api/v1/ride-prebookings", PrebookingsView.as_view()),
]
