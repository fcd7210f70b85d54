"""Identity's paths beneath `/api/v1/`."""

from django.urls import path

from apps.identity import api

urlpatterns = [
    path("auth/token", api.TokenView.as_view(), name="auth-token"),
    path("auth/logout", api.LogoutView.as_view(), name="auth-logout"),
]
