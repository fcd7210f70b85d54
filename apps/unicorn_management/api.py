"""The HTTP interface of unicorn management."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.identity.messages import STAFF, UNICORN, Caller
from apps.unicorn_management import operations, queries, serializers
from apps.unicorn_management.models import RideCompletion
from wildrydes import deliveries
from wildrydes.front_door import paging, problems
from wildrydes.front_door.idempotency import once_per_key
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only
from wildrydes.front_door.remembering import ConfirmsCaller

LIST = "ride-completions"
MOST_ERRORS_OF_AN_ITEM = 10

# Made once: a new serializer copies each of its fields, and these two hold nothing of a request.
RIDE = serializers.RideCompletionSerializer()
BATCH = serializers.BatchSerializer()


class RideCompletionsView(ConfirmsCaller, APIView):
    """The completed rides: submit one, or see those that are yours to see."""

    throttle_scope = "rides"

    def get_permissions(self) -> Sequence[BasePermission]:
        """Let everyone look, and unicorns and staff submit."""
        return [only(UNICORN, STAFF)() if self.request.method == "POST" else IsAuthenticated()]

    @extend_schema(
        operation_id="ride_completions_submit",
        request=serializers.RideCompletionSerializer,
        responses={
            201: serializers.RideCompletionSerializer,
            **problem_responses(400, 401, 403, 409, 413, 415),
        },
    )
    @once_per_key
    def post(self, request: Request) -> Response:
        """Submit a completed ride. With the answer it is stored, and its event will arrive."""
        ride = RIDE.run_validation(request.data)
        try:
            row = operations.submit_ride_completion(
                ride=ride,
                caller=Caller.of(request.user),
                currency=settings.CURRENCY,
                now=timezone.now(),
            )
        except operations.AlreadyCompletedError as error:
            raise _conflict(error) from None
        return Response(RIDE.to_representation(row), 201, headers=_location(row.id))

    @extend_schema(
        operation_id="ride_completions_list",
        parameters=[paging.PageSerializer],
        responses={200: serializers.RideCompletionPageSerializer, **problem_responses(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """Return the rides that the caller may see, newest first, a page at a time."""
        page = paging.asked_for(request)
        found = queries.newest_first(
            caller=Caller.of(request.user), limit=page.limit, before=page.before
        )
        following = paging.next_page(request, after=found.continues_after)
        return Response(
            {"results": [RIDE.to_representation(row) for row in found.rows], "next": following}
        )


@extend_schema_view(post=extend_schema(operation_id="submit_ride_completion"))
class SubmitRideCompletionView(RideCompletionsView):
    """The name that the original requirement has for submitting a completed ride."""

    http_method_names = ["post", "options"]


class BatchView(ConfirmsCaller, APIView):
    """Many completed rides at once."""

    throttle_scope = "rides"
    permission_classes = (only(UNICORN, STAFF),)

    @extend_schema(
        operation_id="ride_completions_submit_batch",
        request=serializers.BatchSerializer,
        responses={
            201: serializers.ResultsSerializer,
            **problem_responses(400, 401, 403, 413, 415),
        },
    )
    @once_per_key
    def post(self, request: Request) -> Response:
        """Submit up to 500 completed rides. The good ones are kept when others are bad."""
        items = BATCH.run_validation(request.data)["items"]
        outcomes = iter(
            operations.submit_ride_completions(
                rides=[item for item in items if not isinstance(item, ValidationError)],
                caller=Caller.of(request.user),
                currency=settings.CURRENCY,
                now=timezone.now(),
            )
        )
        results = [
            _errors(item, index) if isinstance(item, ValidationError) else _result(next(outcomes))
            for index, item in enumerate(items)
        ]
        return Response({"results": results}, 201, headers={"Location": _path()})


class RideCompletionView(APIView):
    """One completed ride."""

    @extend_schema(
        operation_id="ride_completions_get",
        responses={
            200: serializers.DeliveredRideCompletionSerializer,
            **problem_responses(401, 404),
        },
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Return the ride, and where its event has got to."""
        row = get_object_or_404(queries.visible_to(caller=Caller.of(request.user)), id=id)
        arrived = deliveries.deliveries_of(row.message_id)
        shown = serializers.DeliverySerializer(arrived, many=True).data
        return Response({**RIDE.to_representation(row), "deliveries": shown})


@cache
def _path() -> str:
    return reverse(LIST)


def _location(id: UUID) -> dict[str, str]:
    return {"Location": f"{_path()}/{id}"}


def _conflict(error: operations.AlreadyCompletedError) -> problems.Problem:
    return problems.Problem(
        status=409,
        type="ride-already-completed",
        title="The ride is completed already",
        detail=f"Ride {error.ride} has the completion {error.existing}.",
        extra={"ride": error.ride, "ride_completion": error.existing},
    )


def _errors(error: ValidationError, index: int) -> dict[str, Any]:
    """Return what is wrong with one item; one that is no object at all is named by its place."""
    found = islice(problems.flatten(error.detail), MOST_ERRORS_OF_AN_ITEM)
    return {"errors": [{**item, "field": item["field"] or f"items[{index}]"} for item in found]}


def _result(outcome: RideCompletion | operations.AlreadyCompletedError) -> dict[str, Any]:
    if isinstance(outcome, RideCompletion):
        return {"id": outcome.id}
    where = f" by {outcome.existing}" if outcome.existing else " by an item above"
    message = f"This ride is completed already{where}."
    return {"errors": [{"field": "ride", "message": message}]}
