"""Ride prebooking's paths beneath `/api/v1/`, and the name of the original requirement."""

from django.urls import path

from apps.ride_prebooking import api

urlpatterns = [
    path("ride-prebookings", api.PrebookingsView.as_view(), name="ride-prebookings"),
    path("ride-prebookings/<uuid:id>", api.PrebookingView.as_view()),
    path("ride-prebookings/<uuid:id>/cancel", api.CancelView.as_view()),
    path("campaigns/<str:code>", api.CampaignView.as_view()),
]

alias_urlpatterns = [
    path("submit-ride-prebooking", api.SubmitPrebookingView.as_view()),
]
