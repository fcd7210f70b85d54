"""Customer notification's paths beneath `/api/v1/`."""

from django.urls import path

from apps.customer_notification import api

urlpatterns = [
    path("customers/me/notifications", api.NotificationsView.as_view(), name="notifications"),
]
