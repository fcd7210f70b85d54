from __future__ import annotations

from collections.abc import Callable

from rest_framework.test import APIClient

from apps.customer_notification.subscriptions import notify_customer
from wildrydes.envelope import Envelope

Make = Callable[..., Envelope]

NOTIFICATIONS = "/api/v1/customers/me/notifications"


def test_a_customer_sees_what_they_were_told(as_customer: APIClient, ride_completed: Make) -> None:
    notify_customer([ride_completed(), ride_completed(customer="other")])

    body = as_customer.get(NOTIFICATIONS).json()

    (notification,) = body["notifications"]
    assert set(notification) == {"id", "kind", "subject", "body", "created_at", "emailed_at"}
    assert notification["kind"] == "ride_completed"
    assert notification["subject"] == "Your ride from Berlin to Frankfurt"
    assert notification["emailed_at"] is None
    assert body["next"] is None


def test_the_pages_lead_to_the_oldest_one(as_customer: APIClient, ride_completed: Make) -> None:
    notify_customer([ride_completed(to=f"place {n}") for n in range(3)])

    first = as_customer.get(NOTIFICATIONS, {"limit": 2}).json()
    second = as_customer.get(first["next"]).json()

    whole = as_customer.get(NOTIFICATIONS).json()["notifications"]
    assert first["notifications"] + second["notifications"] == whole
    assert len(whole) == 3


def test_only_customers_have_notifications(as_staff: APIClient, as_unicorn: APIClient) -> None:
    assert as_staff.get(NOTIFICATIONS).status_code == 403
    assert as_unicorn.get(NOTIFICATIONS).status_code == 403
    assert APIClient().get(NOTIFICATIONS).status_code == 401
