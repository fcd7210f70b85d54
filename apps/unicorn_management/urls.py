"""Unicorn management's paths beneath `/api/v1/`, and the names of the original requirement."""

from django.urls import path

from apps.unicorn_management import api

urlpatterns = [
    path("ride-completions", api.RideCompletionsView.as_view(), name="ride-completions"),
    path("ride-completions/batch", api.BatchView.as_view(), name="ride-completions-batch"),
    path("ride-completions/<uuid:id>", api.RideCompletionView.as_view(), name="ride-completion"),
]

alias_urlpatterns = [
    path("submit-ride-completion", api.SubmitRideCompletionView.as_view()),
]
