"""One path, the same as Wild Rydes has for it."""

from django.urls import path

from bench.peers.api import RidesView

urlpatterns = [path("api/v1/ride-completions", RidesView.as_view())]
