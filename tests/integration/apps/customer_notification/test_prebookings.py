"""A customer is told what became of a prebooking, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from apps.customer_notification.models import Notification
from apps.customer_notification.subscriptions import tell_of_prebookings
from config.topology import TOPOLOGY
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

from ..conftest import NOON, envelope

pytestmark = pytest.mark.django_db


def event(type_: str, **data: Any) -> Envelope:
    later = (NOON + timedelta(days=1)).isoformat()
    said = {
        "prebooking": str(new_id()),
        "customer": "cmr",
        "from": "Cape Town",
        "to": "Paarl",
        "when": later,
        "campaign": "",
        "price_limit": None,
        "discount_percent": 0,
        "due_at": later,
        "confirmed_at": NOON.isoformat(),
        "reason": "campaign-full",
        "explanation": "The campaign has no places left.",
        "rejected_at": NOON.isoformat(),
        "cancelled_by": "customer",
        "cancelled_at": NOON.isoformat(),
        "unfulfilled_at": NOON.isoformat(),
    }
    return envelope(type_=type_, data=said | data)


@pytest.mark.parametrize(
    ("type_", "kind", "subject", "text"),
    [
        (
            "v1.ride.prebooked",
            "prebooked",
            "Prebooked: your ride from Cape Town to Paarl",
            "on 02 March 2026 at 12:00 UTC is prebooked.",
        ),
        (
            "v1.ride-prebooking.rejected",
            "prebooking_rejected",
            "Not prebooked: your ride from Cape Town to Paarl",
            "The campaign has no places left.",
        ),
        (
            "v1.ride-prebooking.cancelled",
            "prebooking_cancelled",
            "Cancelled: your prebooked ride from Cape Town to Paarl",
            "There is nothing to pay.",
        ),
        (
            "v1.ride-prebooking.unfulfilled",
            "prebooking_unfulfilled",
            "No unicorn for your prebooked ride from Cape Town to Paarl",
            "no unicorn was found",
        ),
    ],
)
def test_of_each_end(type_: str, kind: str, subject: str, text: str) -> None:
    news = event(type_)

    tell_of_prebookings([news])
    tell_of_prebookings([news])

    row = Notification.objects.get()
    assert (row.customer, row.kind, row.subject) == ("cmr", kind, subject)
    assert text in row.body


def test_of_a_discount_only_where_there_is_one() -> None:
    tell_of_prebookings([event("v1.ride.prebooked", discount_percent=25)])
    assert "Your discount is 25 %." in Notification.objects.get().body

    tell_of_prebookings([event("v1.ride.prebooked")])
    assert "discount" not in Notification.objects.order_by("-id")[0].body


def test_the_subscription_takes_what_it_can_tell_of_and_no_more() -> None:
    subscription = TOPOLOGY.subscription("customer_notification.tell_of_prebookings")
    kinds = ("submitted", "rejected", "cancelled", "dispatched", "unfulfilled")
    types = ["v1.ride.prebooked", *(f"v1.ride-prebooking.{kind}" for kind in kinds)]

    wanted = {type_ for type_ in types if subscription.wants(event(type_))}

    left = {"v1.ride-prebooking.submitted", "v1.ride-prebooking.dispatched"}
    assert wanted == set(types) - left
