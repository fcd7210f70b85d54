"""The admin's sidebar: what operators look at, as far as its service is installed here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse_lazy

Entry = tuple[str, str, str]

QUOTES: dict[str, Entry] = {
    "apps.ride_booking": (
        "Requests for quotes",
        "request_quote",
        "ride_booking_rfq_changelist",
    ),
}
RIDES: dict[str, Entry] = {
    "apps.ride_booking": (
        "Rides",
        "local_taxi",
        "ride_booking_ride_changelist",
    ),
    "apps.unicorn_management": (
        "Ride completions",
        "flag",
        "unicorn_management_ridecompletion_changelist",
    ),
    "apps.extraordinary_rides": (
        "Extraordinary rides",
        "trophy",
        "extraordinary_rides_extraordinaryride_changelist",
    ),
}
PREBOOKINGS: tuple[Entry, ...] = (
    ("Prebookings", "event_upcoming", "ride_prebooking_prebooking_changelist"),
    ("Campaigns", "campaign", "ride_prebooking_campaign_changelist"),
)
FLEETS: tuple[Entry, ...] = (
    ("Fleets", "groups", "unicorn_management_fleet_changelist"),
    ("Unicorns", "pets", "unicorn_management_unicorn_changelist"),
)
MONEY: dict[str, tuple[Entry, ...]] = {
    "apps.fare_collection": (("Fares", "payments", "fare_collection_farecollection_changelist"),),
    "apps.customer_accounting": (
        ("Ledger", "account_balance", "customer_accounting_journalentry_changelist"),
        ("Accounts", "lock_person", "customer_accounting_customeraccount_changelist"),
    ),
}
CUSTOMERS: dict[str, Entry] = {
    "apps.customer_loyalty": (
        "Loyalty accounts",
        "loyalty",
        "customer_loyalty_loyaltyaccount_changelist",
    ),
    "apps.customer_notification": (
        "Notifications",
        "notifications",
        "customer_notification_notification_changelist",
    ),
}
PAYMENTS: tuple[Entry, ...] = (
    ("Payments", "payments", "customer_payment_payment_changelist"),
    ("Payment methods", "credit_card", "customer_payment_paymentmethod_changelist"),
)
DATA: dict[str, tuple[Entry, ...]] = {
    "apps.datalake_ingestion": (
        ("Answers", "bar_chart", "datalake_ingestion_answers"),
        ("Lake files", "water", "datalake_ingestion_lakefile_changelist"),
        ("Archives", "inventory_2", "datalake_ingestion_archive_changelist"),
    ),
}
MESSAGING: tuple[Entry, ...] = (
    ("Messages", "mail", "wildrydes_message_changelist"),
    ("Dispatches", "local_shipping", "wildrydes_dispatch_changelist"),
    ("Receipts", "receipt_long", "wildrydes_receipt_changelist"),
    ("Dead letters", "report", "wildrydes_deadletter_changelist"),
    ("Redrives", "replay", "wildrydes_redrive_changelist"),
    ("Operator actions", "history", "wildrydes_operatoraction_changelist"),
    ("Requests", "question_answer", "wildrydes_request_changelist"),
    ("Scatters", "call_split", "wildrydes_scatter_changelist"),
    ("Sagas", "account_tree", "wildrydes_saga_changelist"),
    ("Topology", "hub", "wildrydes_topology"),
    ("Queues", "speed", "wildrydes_queues"),
    ("Consumers", "engineering", "wildrydes_consumer_changelist"),
    ("Doctor", "stethoscope", "wildrydes_doctor"),
)


def sidebar(*, services: Sequence[str], flower_url: str) -> dict[str, Any]:
    """Return unfold's sidebar setting for these installed services."""
    groups = [
        (
            "Rides",
            [
                entry
                for entries in (QUOTES, RIDES)
                for name, entry in entries.items()
                if name in services
            ],
        ),
        ("Prebookings", list(PREBOOKINGS) if "apps.ride_prebooking" in services else []),
        ("Fleets", list(FLEETS) if "apps.unicorn_management" in services else []),
        (
            "Money",
            [entry for name, entries in MONEY.items() if name in services for entry in entries],
        ),
        ("Customers", [entry for name, entry in CUSTOMERS.items() if name in services]),
        ("Payments", list(PAYMENTS) if "apps.customer_payment" in services else []),
        (
            "Data",
            [entry for name, entries in DATA.items() if name in services for entry in entries],
        ),
        ("Messaging", list(MESSAGING)),
        ("People", [("Users", "group", "identity_user_changelist")]),
    ]
    navigation = [
        {"title": title, "separator": True, "items": [_item(entry) for entry in entries]}
        for title, entries in groups
        if entries
    ]
    flower = {"title": "Flower", "icon": "monitoring", "link": flower_url}
    tools = {"title": "Tools", "separator": True, "items": [flower]}
    return {"show_search": True, "navigation": [*navigation, tools]}


def _item(entry: Entry) -> dict[str, Any]:
    title, icon, name = entry
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}")}
