"""Ride booking's paths beneath `/api/v1/`, and the names of the original requirement."""

from django.urls import path

from apps.ride_booking import api, rides_api

urlpatterns = [
    path("instant-ride-rfqs", api.RfqsView.as_view(), name="instant-ride-rfqs"),
    path("instant-ride-rfqs/<uuid:id>", api.RfqView.as_view(), name="instant-ride-rfq"),
    path("instant-ride-rfqs/<uuid:id>/stream", api.RfqStreamView.as_view()),
    path("instant-ride-rfqs/<uuid:id>/quotes", api.QuotesView.as_view()),
    path("instant-ride-rfqs/<uuid:id>/accept", rides_api.AcceptView.as_view()),
    path("rides", rides_api.RidesView.as_view(), name="rides"),
    path("rides/<uuid:id>", rides_api.RideView.as_view(), name="ride"),
    path("rides/<uuid:id>/start", rides_api.StartView.as_view()),
    path("rides/<uuid:id>/cancel", rides_api.CancelView.as_view()),
    path("rides/<uuid:id>/cancellation", rides_api.CancellationView.as_view()),
    path("rides/<uuid:id>/receipt", rides_api.ReceiptView.as_view()),
]

alias_urlpatterns = [
    path("submit-instant-ride-rfq", api.SubmitRfqView.as_view()),
    path("query-instant-ride-rfq/<uuid:id>", api.QueryRfqView.as_view()),
]
