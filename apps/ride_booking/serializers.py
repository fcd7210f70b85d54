"""The shapes of ride booking's API."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.ride_booking import offers, queries
from apps.ride_booking.models import Ride
from apps.ride_booking.operations.requesting import OwnAnswer, WantedRide
from apps.ride_booking.queries import Standing
from wildrydes.front_door import paging
from wildrydes.front_door.fields import (
    CustomerField,
    FlagField,
    MomentField,
    MoneyField,
    NumberField,
    StrictSerializer,
    TextField,
)

DEFAULT_SECONDS = 10
LONGEST_SECONDS = 60
SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)


class SecondsField(NumberField):
    """A number of seconds from one to sixty."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.min_value, self.max_value = 1, LONGEST_SECONDS
        self.validators = [MinValueValidator(1), MaxValueValidator(LONGEST_SECONDS)]


class WantedRideSerializer(StrictSerializer):
    """What a customer wants quotes for. `deadline_seconds` is how long fleets have to answer."""

    from_ = TextField(source="origin")
    to = TextField(source="destination")
    customer = CustomerField()
    deadline_seconds = SecondsField(required=False, default=DEFAULT_SECONDS)

    def to_internal_value(self, data: Any) -> WantedRide:
        """Return what is wanted."""
        fields = super().to_internal_value(data)
        deadline = timedelta(seconds=fields.pop("deadline_seconds"))
        return WantedRide(deadline=deadline, **fields)


class AcceptedRfqSerializer(serializers.Serializer[Standing]):
    """A request for quotes that was taken in."""

    id = serializers.UUIDField(source="rfq.id")
    deadline_at = serializers.DateTimeField()
    status = serializers.ChoiceField(choices=[queries.OPEN, queries.CLOSED])

    def get_fields(self) -> dict[str, Any]:
        """Return the fields; Python does not let one declare `rfq-id`."""
        fields = super().get_fields()
        rfq_id = serializers.UUIDField(source="rfq.id")
        return {"id": fields.pop("id"), "rfq-id": rfq_id, **fields}


class QuoteSerializer(serializers.Serializer[Any]):
    """A fleet's quote; one that came after the close is late."""

    responder = serializers.CharField()
    quote = MoneyField(source="offer.quote")
    received_at = serializers.DateTimeField()
    late = serializers.BooleanField()


class RfqSerializer(serializers.Serializer[Standing]):
    """A request for quotes with those that have come, cheapest first."""

    id = serializers.UUIDField(source="rfq.id")
    from_ = serializers.CharField(source="rfq.origin")
    to = serializers.CharField(source="rfq.destination")
    customer = serializers.CharField(source="rfq.customer")
    status = serializers.ChoiceField(choices=[queries.OPEN, queries.CLOSED, queries.ACCEPTED])
    deadline_at = serializers.DateTimeField()
    quotes = QuoteSerializer(many=True)

    def get_fields(self) -> dict[str, Any]:
        """Return the fields by the names that they have in JSON."""
        fields = {name.rstrip("_"): field for name, field in super().get_fields().items()}
        rfq_id = serializers.UUIDField(source="rfq.id")
        return {"id": fields.pop("id"), "rfq-id": rfq_id, **fields}


class RfqPageSerializer(serializers.Serializer[Any]):
    """Some requests for quotes, newest first, and the address of the next page."""

    results = RfqSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class RfqListSerializer(paging.PageSerializer):
    """The query parameters of the list of requests."""

    status = serializers.ChoiceField(
        choices=[queries.OPEN, queries.CLOSED], required=False, default=""
    )


class WaitField(serializers.FloatField):
    """A number of seconds in a query: more than sixty are sixty, after which all is closed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, **options)

    def to_internal_value(self, data: Any) -> float:
        """Return the seconds; what is not a number is none of them."""
        if not SECONDS.fullmatch(str(data)):
            self.fail("invalid")
        return min(super().to_internal_value(data), LONGEST_SECONDS)


class WaitSerializer(serializers.Serializer[Any]):
    """The query parameters of one request."""

    wait = WaitField(
        default=0.0,
        help_text="Hold the answer until the request is closed, for so many seconds at most.",
    )


class OwnAnswerSerializer(StrictSerializer):
    """What a fleet answers by itself: a quote, or that it declines."""

    quote = MoneyField(required=False)
    unicorn = TextField(required=False, max_length=offers.LONGEST_ID)
    expires_at = MomentField(required=False)
    decline = FlagField(required=False)

    def to_internal_value(self, data: Any) -> OwnAnswer:
        """Return the answer; there must be a quote, or `decline` must be true, and not both."""
        fields = super().to_internal_value(data)
        if _declines(fields):
            return OwnAnswer(quote=None)
        if "quote" not in fields:
            raise ValidationError({"quote": ["This field is required."]})
        said = {name: str(value) for name, value in fields.items()}
        try:
            return OwnAnswer(quote=offers.checked(said, currency=settings.CURRENCY))
        except offers.OfferError as error:
            message = f"{error.reason[:1].upper()}{error.reason[1:]}."
            raise ValidationError({error.field: [message]}) from None


class StoredAnswerSerializer(serializers.Serializer[Any]):
    """What is kept of a fleet's answer. `quote` is null where it declined."""

    responder = serializers.CharField()
    outcome = serializers.CharField()
    quote = serializers.CharField(source="data.quote", default=None, allow_null=True)
    received_at = serializers.DateTimeField()
    late = serializers.BooleanField()


class ChoiceSerializer(StrictSerializer):
    """Whose quote is accepted."""

    responder = TextField()


class RideEventSerializer(serializers.Serializer[Any]):
    """One entry of a ride's timeline; `by` is who did it."""

    event = serializers.CharField(source="kind")
    at = serializers.DateTimeField()
    by = serializers.CharField()
    note = serializers.CharField()


class RideSerializer(serializers.Serializer[Ride]):
    """A booked ride with what has happened to it."""

    id = serializers.UUIDField()
    responder = serializers.CharField(source="fleet")
    unicorn = serializers.CharField()
    customer = serializers.CharField()
    from_ = serializers.CharField(source="origin")
    to = serializers.CharField(source="destination")
    price = MoneyField()
    currency = serializers.CharField()
    state = serializers.CharField()
    ride_completion = serializers.UUIDField(allow_null=True)
    cancellation_fee = MoneyField(allow_null=True)
    timeline = serializers.SerializerMethodField()

    def get_fields(self) -> dict[str, Any]:
        """Return the fields by the names that they have in JSON."""
        fields = {name.rstrip("_"): field for name, field in super().get_fields().items()}
        rfq_id = serializers.UUIDField(source="rfq")
        return {"id": fields.pop("id"), "rfq-id": rfq_id, **fields}

    def get_timeline(self, ride: Ride) -> list[dict[str, Any]]:
        """Return what happened, in order."""
        return list(RideEventSerializer(queries.timeline_of(ride=ride), many=True).data)


class RidePageSerializer(serializers.Serializer[Any]):
    """Some rides, newest first, and the address of the next page."""

    results = RideSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class CancellationSerializer(serializers.Serializer[Any]):
    """Whether the caller may cancel the ride now, and what that would cost the customer."""

    allowed = serializers.BooleanField()
    fee = MoneyField()
    free_until = serializers.DateTimeField()


class ChargeSerializer(serializers.Serializer[Any]):
    """One line of a receipt; a refund is negative."""

    kind = serializers.CharField()
    amount = serializers.DecimalField(max_digits=12, decimal_places=2)
    at = serializers.DateTimeField()
    note = serializers.CharField()


class PaymentSerializer(serializers.Serializer[Any]):
    """What was charged to a card or, negative, given back."""

    id = serializers.UUIDField(help_text="The fare's collection, or the refund.")
    amount = serializers.DecimalField(max_digits=12, decimal_places=2)
    card = serializers.CharField()
    at = serializers.DateTimeField()


class ReceiptSerializer(serializers.Serializer[Any]):
    """What a ride cost: every line, and their sum; and what was paid of that."""

    ride = serializers.UUIDField()
    customer = serializers.CharField()
    state = serializers.CharField()
    currency = serializers.CharField()
    lines = ChargeSerializer(many=True)
    total = serializers.DecimalField(max_digits=12, decimal_places=2)
    payments = PaymentSerializer(many=True)
    paid = serializers.DecimalField(max_digits=12, decimal_places=2)


def _declines(fields: dict[str, Any]) -> bool:
    if "decline" not in fields:
        return False
    if not fields["decline"]:
        raise ValidationError({"decline": ["This must be true, or not be there."]})
    for name in fields:
        if name != "decline":
            raise ValidationError({name: ["This does not go with declining."]})
    return True
