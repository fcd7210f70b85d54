"""Every topic, queue, subscription and worker group of Wild Rydes, on one page.

Who wants what, with which filter and which policy. The publisher of an event does not read this;
a new subscriber is a new entry here and a handler in its service.
"""

from datetime import timedelta

from apps.unicorn_management.messages import FLEETS
from wildrydes.retry import RetryPolicy
from wildrydes.topology import Queue, Schedule, Subscription, Topic, Topology, Workers

IN_TIME = timedelta(seconds=30)
OUTSIDE_WORLD = RetryPolicy(max_attempts=12, first=timedelta(seconds=2), cap=timedelta(minutes=30))
PAYMENT_PROVIDER = RetryPolicy(
    max_attempts=5, first=timedelta(milliseconds=500), cap=timedelta(seconds=10)
)
AT_ONCE_OR_NEVER = RetryPolicy(
    max_attempts=3, first=timedelta(milliseconds=200), cap=timedelta(seconds=1)
)
WHILE_FARES_COME = RetryPolicy(
    max_attempts=60, first=timedelta(milliseconds=200), cap=timedelta(seconds=5)
)
FARE_COMMANDS = (
    ("register", "v1.fare.register"),
    ("mark_collected", "v1.fare.mark-collected"),
    ("mark_failed", "v1.fare.mark-failed"),
    ("register_refund", "v1.fare.register-refund"),
    ("mark_refunded", "v1.fare.mark-refunded"),
    ("mark_refund_failed", "v1.fare.mark-refund-failed"),
)
LEDGER_COMMANDS = (
    ("credit_payment", "v1.account.credit-payment"),
    ("reverse_credit", "v1.account.reverse-credit"),
    ("record_refund", "v1.account.record-refund"),
    ("reverse_refund", "v1.account.reverse-refund"),
)
LAKE_UPKEEP = (
    ("compact", "v1.lake.compact"),
    ("merge_file", "v1.lake-file.merge"),
    ("clear_file", "v1.lake-file.clear"),
)

TOPICS = (
    Topic(name="rides", types=("v1.ride.completed",)),
    Topic(name="customers", types=("v1.customer.registered",)),
    Topic(name="quote-requests", types=("v1.ride-quotes.requested",)),
    Topic(name="quotes", types=("v1.ride-quotes.gathered",)),
    Topic(
        name="bookings",
        types=("v1.ride.booked", "v1.ride.started", "v1.ride.cancelled", "v1.ride.finished"),
    ),
    Topic(
        name="prebookings",
        types=(
            "v1.ride-prebooking.submitted",
            "v1.ride.prebooked",
            "v1.ride-prebooking.rejected",
            "v1.ride-prebooking.cancelled",
            "v1.ride-prebooking.dispatched",
            "v1.ride-prebooking.unfulfilled",
        ),
    ),
    Topic(name="prebooked-rides", types=("v1.prebooked-ride.booked", "v1.prebooked-ride.missed")),
    Topic(
        name="fares",
        types=(
            "v1.fare.collected",
            "v1.fare.failed",
            "v1.fare.refunded",
            "v1.fare-collection.stuck",
        ),
    ),
)

QUEUES = (
    Queue(name="customer_notification", refuse_beyond=IN_TIME),
    Queue(name="customer_notification.email", batch_items=20),
    Queue(name="customer_notification.prebookings"),
    Queue(name="customer_accounting", refuse_beyond=IN_TIME),
    Queue(name="customer_accounting.payments"),
    Queue(name="customer_payment", batch_items=20),
    Queue(name="customer_loyalty", refuse_beyond=IN_TIME),
    Queue(name="datalake_ingestion", refuse_beyond=IN_TIME),
    Queue(name="datalake_ingestion.files", batch_items=20),
    Queue(name="datalake_ingestion.prebookings"),
    Queue(name="datalake_ingestion.upkeep", max_open=1, batch_items=1),
    Queue(name="extraordinary_rides", refuse_beyond=IN_TIME),
    Queue(name="fare_collection", refuse_beyond=IN_TIME),
    Queue(name="fare_collection.advance"),
    Queue(name="ride_booking"),
    Queue(name="ride_booking.answers"),
    Queue(name="ride_booking.prebookings", batch_items=50),
    Queue(name="ride_prebooking.submissions"),
    Queue(name="ride_prebooking.processing", per_second=200),
    Queue(name="ride_prebooking.due"),
    Queue(name="unicorn_management.rides"),
    Queue(name="unicorn_management.quotes"),
    *(Queue(name=f"unicorn_management.fleet.{fleet}") for fleet in FLEETS),
)

SUBSCRIPTIONS = (
    Subscription(
        name="customer_notification.record_contact",
        topics=("customers",),
        queue="customer_notification",
    ),
    Subscription(
        name="customer_notification.notify_customer",
        topics=("rides",),
        queue="customer_notification",
    ),
    Subscription(
        name="customer_notification.tell_of_bookings",
        topics=("bookings",),
        queue="customer_notification",
        filter={"type": ["v1.ride.booked", "v1.ride.cancelled"]},
        scope="attributes",
    ),
    Subscription(
        name="customer_notification.tell_of_no_quotes",
        topics=("quotes",),
        queue="customer_notification",
        filter={"quotes": {"responder": [{"exists": False}]}},
    ),
    Subscription(
        name="customer_notification.tell_of_fares",
        topics=("fares",),
        queue="customer_notification",
    ),
    Subscription(
        name="customer_notification.tell_of_prebookings",
        topics=("prebookings",),
        queue="customer_notification.prebookings",
        filter={
            "type": [
                "v1.ride.prebooked",
                "v1.ride-prebooking.rejected",
                "v1.ride-prebooking.cancelled",
                "v1.ride-prebooking.unfulfilled",
            ],
        },
        scope="attributes",
    ),
    Subscription(
        name="customer_notification.send_email",
        command="v1.email.send",
        queue="customer_notification.email",
        retry=OUTSIDE_WORLD,
    ),
    Subscription(
        name="customer_accounting.record_fare",
        topics=("rides",),
        queue="customer_accounting",
    ),
    *(
        Subscription(
            name=f"customer_accounting.{name}",
            command=command,
            queue="customer_accounting.payments",
            responder="customer_accounting",
            answers_to="fare_collection.advance",
            retry=WHILE_FARES_COME,
        )
        for name, command in LEDGER_COMMANDS
    ),
    *(
        Subscription(
            name=f"customer_payment.{verb}",
            command=f"v1.payment.{verb}",
            queue="customer_payment",
            responder="customer_payment",
            answers_to="fare_collection.advance",
            retry=PAYMENT_PROVIDER,
            time_limit=timedelta(seconds=45),
        )
        for verb in ("authorise", "capture", "release", "refund")
    ),
    Subscription(
        name="customer_loyalty.award_points",
        topics=("rides",),
        queue="customer_loyalty",
    ),
    Subscription(
        name="datalake_ingestion.collect_events",
        topics=("rides", "customers", "quote-requests", "quotes", "bookings", "fares"),
        queue="datalake_ingestion",
    ),
    Subscription(
        name="datalake_ingestion.collect_prebookings",
        topics=("prebookings", "prebooked-rides"),
        queue="datalake_ingestion.prebookings",
    ),
    Subscription(
        name="datalake_ingestion.write_file",
        command="v1.lake-file.write",
        queue="datalake_ingestion.files",
        retry=OUTSIDE_WORLD,
    ),
    *(
        Subscription(
            name=f"datalake_ingestion.{name}",
            command=command,
            queue="datalake_ingestion.upkeep",
            retry=OUTSIDE_WORLD,
            time_limit=timedelta(seconds=50),
        )
        for name, command in LAKE_UPKEEP
    ),
    Subscription(
        name="extraordinary_rides.record_extraordinary_ride",
        topics=("rides",),
        queue="extraordinary_rides",
        filter={"fare": [{"numeric": [">=", 50]}], "distance": [{"numeric": [">=", 20]}]},
    ),
    Subscription(
        name="fare_collection.collect",
        topics=("rides",),
        queue="fare_collection",
    ),
    *(
        Subscription(
            name=f"fare_collection.{name}",
            command=command,
            queue="fare_collection",
            responder="fare_collection",
            answers_to="fare_collection.advance",
        )
        for name, command in FARE_COMMANDS
    ),
    Subscription(
        name="fare_collection.advance",
        replies=("v1.fare.answered",),
        queue="fare_collection.advance",
    ),
    Subscription(
        name="ride_booking.gather_quotes",
        replies=("v1.ride.quoted",),
        queue="ride_booking.answers",
    ),
    Subscription(
        name="ride_booking.complete_ride",
        topics=("rides",),
        queue="ride_booking",
        filter={"ride": [{"anything-but": None}]},
    ),
    Subscription(
        name="ride_booking.record_charge",
        topics=("fares",),
        queue="ride_booking",
        filter={
            "type": ["v1.fare.collected", "v1.fare.refunded"],
        },
        scope="attributes",
    ),
    Subscription(
        name="ride_booking.request_for_prebooking",
        command="v1.instant-ride.request",
        queue="ride_booking.prebookings",
    ),
    Subscription(
        name="ride_booking.book_for_prebooking",
        command="v1.prebooked-ride.book",
        queue="ride_booking.prebookings",
    ),
    Subscription(
        name="ride_prebooking.submit",
        command="v1.ride-prebooking.submit",
        queue="ride_prebooking.submissions",
    ),
    Subscription(
        name="ride_prebooking.process",
        topics=("prebookings",),
        queue="ride_prebooking.processing",
        filter={"type": ["v1.ride-prebooking.submitted"]},
        scope="attributes",
    ),
    Subscription(
        name="ride_prebooking.dispatch",
        command="v1.ride-prebooking.dispatch",
        queue="ride_prebooking.due",
    ),
    Subscription(
        name="ride_prebooking.record_ride",
        topics=("prebooked-rides",),
        queue="ride_prebooking.due",
    ),
    Subscription(
        name="unicorn_management.follow_rides",
        topics=("bookings",),
        queue="unicorn_management.rides",
        fifo=True,
    ),
    Subscription(
        name="unicorn_management.give_quote",
        command="v1.quote.give",
        queue="unicorn_management.quotes",
        retry=AT_ONCE_OR_NEVER,
    ),
    *(
        Subscription(
            name=f"unicorn_management.quote.{fleet}",
            topics=("quote-requests",),
            queue=f"unicorn_management.fleet.{fleet}",
            responder=fleet,
            answers_to="ride_booking.gather_quotes",
            retry=AT_ONCE_OR_NEVER,
        )
        for fleet in FLEETS
    ),
)

# Whose workers wait for another company: nobody else's work stands behind theirs.
WAITING_OUTSIDE = ("customer_payment",)
# Where bursts wait: however many prebookings come at once, nobody else's work stands behind them.
BUFFERS = ("ride_prebooking.submissions", "ride_prebooking.processing", "ride_prebooking.due")
APART = (*WAITING_OUTSIDE, *BUFFERS)

SCHEDULES = (Schedule(command="v1.lake.compact", every=timedelta(minutes=10)),)

TOPOLOGY = Topology(
    topics=TOPICS,
    queues=QUEUES,
    subscriptions=SUBSCRIPTIONS,
    schedules=SCHEDULES,
    workers=(
        Workers(
            name="general",
            queues=tuple(queue.name for queue in QUEUES if queue.name not in APART),
            processes=2,
        ),
        Workers(name="payments", queues=WAITING_OUTSIDE),
        Workers(name="prebooking", queues=BUFFERS),
    ),
)


def queue_names() -> tuple[str, ...]:
    """Return the name of every queue, for a worker that serves them all."""
    return tuple(queue.name for queue in QUEUES)
