"""Extraordinary rides' paths beneath `/api/v1/`."""

from django.urls import path

from apps.extraordinary_rides import api

urlpatterns = [
    path("extraordinary-rides", api.LeaderboardView.as_view(), name="extraordinary-rides"),
]
