"""Customer loyalty's paths beneath `/api/v1/`."""

from django.urls import path

from apps.customer_loyalty import api

urlpatterns = [
    path("customers/me/loyalty", api.LoyaltyView.as_view(), name="loyalty"),
]
