"""Customer accounting's paths beneath `/api/v1/`."""

from django.urls import path

from apps.customer_accounting import api

urlpatterns = [
    path("customers/me/statement", api.StatementView.as_view(), name="statement"),
]
