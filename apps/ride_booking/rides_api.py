"""The HTTP interface of ride booking: the ride that is booked of a quote, and what follows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.identity.messages import CUSTOMER, STAFF, UNICORN, Caller
from apps.ride_booking import queries, serializers
from apps.ride_booking.models import Rfq, Ride
from apps.ride_booking.operations import accepting, riding
from wildrydes.front_door import paging
from wildrydes.front_door.fields import NothingSerializer
from wildrydes.front_door.idempotency import once_per_key
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only
from wildrydes.front_door.problems import Problem

CHOICE = serializers.ChoiceSerializer()
NOTHING = NothingSerializer()
RIDE = serializers.RideSerializer()


class AcceptView(APIView):
    """The choice of a quote."""

    permission_classes = (only(CUSTOMER, STAFF),)

    @extend_schema(
        operation_id="instant_ride_rfqs_accept",
        request=serializers.ChoiceSerializer,
        responses={
            201: serializers.RideSerializer,
            **problem_responses(400, 401, 403, 404, 409, 410, 413, 415),
        },
    )
    @once_per_key
    def post(self, request: Request, id: UUID) -> Response:
        """Accept a fleet's quote: the ride is booked. A request that is open is closed by it."""
        chosen = CHOICE.run_validation(request.data)
        try:
            ride = accepting.accept(
                rfq_id=id,
                responder=chosen["responder"],
                caller=Caller.of(request.user),
                now=timezone.now(),
            )
        except (Rfq.DoesNotExist, accepting.NoSuchQuoteError):
            raise Http404 from None
        except accepting.NotAcceptedError as error:
            raise _refusal(error) from None
        where = reverse("ride", kwargs={"id": ride.id})
        return Response(RIDE.to_representation(ride), 201, headers={"Location": where})


class RidesView(APIView):
    """The booked rides."""

    @extend_schema(
        operation_id="rides_list",
        parameters=[paging.PageSerializer],
        responses={200: serializers.RidePageSerializer, **problem_responses(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """Return the rides that the caller may see, newest first, a page at a time."""
        page = paging.asked_for(request)
        found = queries.newest_rides(
            caller=Caller.of(request.user), limit=page.limit, before=page.before
        )
        following = paging.next_page(request, after=found.continues_after)
        results = [RIDE.to_representation(ride) for ride in found.rows]
        return Response({"results": results, "next": following})


class RideView(APIView):
    """One booked ride."""

    @extend_schema(
        operation_id="rides_get",
        responses={200: serializers.RideSerializer, **problem_responses(401, 404)},
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Return the ride with its state and timeline."""
        return Response(RIDE.to_representation(_ride(request, id)))


class StartView(APIView):
    """The start of a ride."""

    permission_classes = (only(UNICORN, STAFF),)

    @extend_schema(
        operation_id="rides_start",
        request=NothingSerializer,
        responses={
            200: serializers.RideSerializer,
            **problem_responses(400, 401, 403, 404, 409, 413, 415),
        },
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Say that the customer is on the way."""
        NOTHING.run_validation(request.data)
        try:
            ride = riding.start(ride_id=id, caller=Caller.of(request.user), now=timezone.now())
        except Ride.DoesNotExist:
            raise Http404 from None
        except riding.NotNowError as error:
            raise _not_now(error, "This ride cannot be started") from None
        return Response(RIDE.to_representation(ride))


class CancelView(APIView):
    """The end of a ride that will not take place."""

    @extend_schema(
        operation_id="rides_cancel",
        request=NothingSerializer,
        responses={
            200: serializers.RideSerializer,
            **problem_responses(400, 401, 404, 409, 413, 415),
        },
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Cancel the ride. What that costs the customer is at `rides/{id}/cancellation`."""
        NOTHING.run_validation(request.data)
        try:
            ride = riding.cancel(ride_id=id, caller=Caller.of(request.user), now=timezone.now())
        except Ride.DoesNotExist:
            raise Http404 from None
        except riding.NotNowError as error:
            raise _not_now(error, "This ride cannot be cancelled") from None
        return Response(RIDE.to_representation(ride))


class CancellationView(APIView):
    """What cancelling a ride would cost."""

    @extend_schema(
        operation_id="rides_cancellation",
        responses={200: serializers.CancellationSerializer, **problem_responses(401, 404)},
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Say whether the caller may cancel the ride now, and what that would cost."""
        terms = riding.cancellation(
            ride=_ride(request, id), caller=Caller.of(request.user), now=timezone.now()
        )
        return Response(serializers.CancellationSerializer(terms).data)


class ReceiptView(APIView):
    """What a ride cost."""

    @extend_schema(
        operation_id="rides_receipt",
        responses={200: serializers.ReceiptSerializer, **problem_responses(401, 404)},
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Return every charge and refund of the ride, and their sum; none before it is over."""
        ride = _ride(request, id)
        charges = queries.charges_of(ride=ride)
        payments = queries.payments_of(ride=ride)
        receipt: dict[str, Any] = {
            "ride": ride.id,
            "customer": ride.customer,
            "state": ride.state,
            "currency": ride.currency,
            "lines": charges,
            "total": sum(charge.amount for charge in charges),
            "payments": payments,
            "paid": sum(payment.amount for payment in payments),
        }
        return Response(serializers.ReceiptSerializer(receipt).data)


def _ride(request: Request, id: UUID) -> Ride:
    visible = queries.rides_visible_to(caller=Caller.of(request.user))
    return get_object_or_404(visible.prefetch_related("timeline"), id=id)


def _not_now(error: riding.NotNowError, title: str) -> Problem:
    ride = error.ride
    return Problem(
        status=409,
        type="ride-state",
        title=title,
        detail=f"Ride {ride.id} is {ride.state}.",
        extra={"ride": ride.id, "state": ride.state},
    )


def _refusal(error: accepting.NotAcceptedError) -> Problem:
    match error:
        case accepting.AlreadyAcceptedError(ride=ride):
            title = "A quote of this request is accepted already"
            return Problem(409, "already-accepted", title, extra={"ride": ride})
        case accepting.QuoteExpiredError(expired_at=moment):
            extra = {"expired_at": moment.isoformat()}
            return Problem(410, "quote-expired", "The quote has expired", extra=extra)
        case accepting.UnicornTakenError():
            return Problem(409, "unicorn-taken", "The unicorn is on another ride by now")
    return Problem(409, "quote-came-late", "The quote came after the request was closed")
