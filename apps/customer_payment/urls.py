"""Customer payment's paths beneath `/api/v1/`."""

from django.urls import path

from apps.customer_payment import api

METHODS = "customers/me/payment-methods"

urlpatterns = [
    path(METHODS, api.PaymentMethodsView.as_view(), name="payment-methods"),
    path(f"{METHODS}/<uuid:id>", api.PaymentMethodView.as_view(), name="payment-method"),
    path(f"{METHODS}/<uuid:id>/default", api.DefaultView.as_view(), name="payment-method-default"),
    path("payments", api.PaymentsView.as_view(), name="payments"),
    path("payments/webhook", api.WebhookView.as_view(), name="payments-webhook"),
    path("payments/<uuid:id>", api.PaymentView.as_view(), name="payment"),
]
