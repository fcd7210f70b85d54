"""Fare collection's paths beneath `/api/v1/`."""

from django.urls import path

from apps.fare_collection import api

urlpatterns = [
    path("fare-collections", api.FareCollectionsView.as_view(), name="fare-collections"),
    path("fare-collections/<uuid:id>", api.FareCollectionView.as_view(), name="fare-collection"),
    path("fare-collections/<uuid:id>/refund", api.RefundsView.as_view()),
    path(
        "fare-collections/<uuid:id>/refunds/<uuid:refund>",
        api.RefundView.as_view(),
        name="fare-refund",
    ),
]
