"""The HTTP interface of the fleets: staff set prices and behaviour, unicorns go to work."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from apps.identity.messages import STAFF, UNICORN, Caller
from apps.unicorn_management.fleets import operations, queries
from apps.unicorn_management.fleets.serializers import (
    FleetSerializer,
    FleetsSerializer,
    LocationSerializer,
    OnlineSerializer,
    UnicornSerializer,
)
from apps.unicorn_management.models import Fleet, Unicorn
from wildrydes.front_door import problems
from wildrydes.front_door.fields import NothingSerializer
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only

NOTHING = NothingSerializer()


class FleetsView(APIView):
    """Every fleet."""

    permission_classes = (only(STAFF),)

    @extend_schema(
        operation_id="fleets_list",
        responses={200: FleetsSerializer, **problem_responses(401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Return the fleets with their prices and behaviour, in alphabetical order."""
        return Response({"results": FleetSerializer(queries.fleets(), many=True).data})


class FleetView(APIView):
    """One fleet."""

    permission_classes = (only(STAFF),)

    @extend_schema(
        operation_id="fleets_get",
        responses={200: FleetSerializer, **problem_responses(401, 403, 404)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Return the fleet with its prices and behaviour."""
        return Response(FleetSerializer(get_object_or_404(Fleet, slug=slug)).data)

    @extend_schema(
        operation_id="fleets_change",
        request=FleetSerializer(partial=True),
        responses={200: FleetSerializer, **problem_responses(400, 401, 403, 404, 413, 415)},
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change what is given of the fleet. Who changed what is put on record."""
        get_object_or_404(Fleet, slug=slug)
        changes = FleetSerializer(data=request.data, partial=True)
        changes.is_valid(raise_exception=True)
        try:
            fleet = operations.change_fleet(
                slug=slug, changes=changes.validated_data, by=request.user.get_username()
            )
        except ModelValidationError as error:
            raise ValidationError(as_serializer_error(error)) from None
        return Response(FleetSerializer(fleet).data)


class UnicornView(APIView):
    """The unicorn that is calling."""

    permission_classes = (only(UNICORN),)

    @extend_schema(
        operation_id="unicorns_me",
        responses={200: UnicornSerializer, **problem_responses(401, 403, 404)},
    )
    def get(self, request: Request) -> Response:
        """Return where the calling unicorn is and on which ride; 404 before its first work."""
        unicorn = queries.unicorn_of(user_id=Caller.of(request.user).user_id)
        if unicorn is None:
            raise Http404
        return Response(UnicornSerializer(unicorn).data)


class OnlineView(APIView):
    """The calling unicorn goes to work."""

    permission_classes = (only(UNICORN),)

    @extend_schema(
        operation_id="unicorns_me_online",
        request=OnlineSerializer,
        responses={200: UnicornSerializer, **problem_responses(400, 401, 403, 409, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """Let the calling unicorn take rides, from this place if it is given."""
        body = OnlineSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        caller, place = Caller.of(request.user), body.validated_data.get("place")
        return _unicorn(lambda: operations.go_online(caller=caller, place=place))


class OfflineView(APIView):
    """The calling unicorn rests."""

    permission_classes = (only(UNICORN),)

    @extend_schema(
        operation_id="unicorns_me_offline",
        request=NothingSerializer,
        responses={200: UnicornSerializer, **problem_responses(400, 401, 403, 409, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """Offer the calling unicorn for no more rides; the one that it is on goes on."""
        NOTHING.run_validation(request.data)
        return _unicorn(lambda: operations.go_offline(caller=Caller.of(request.user)))


class LocationView(APIView):
    """The calling unicorn says where it is."""

    permission_classes = (only(UNICORN),)

    @extend_schema(
        operation_id="unicorns_me_location",
        request=LocationSerializer,
        responses={200: UnicornSerializer, **problem_responses(400, 401, 403, 409, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """Keep where the calling unicorn is: a place that we know, or latitude and longitude."""
        place = LocationSerializer().run_validation(request.data)
        caller = Caller.of(request.user)
        return _unicorn(lambda: operations.move(caller=caller, place=place))


def _unicorn(operation: Callable[[], Unicorn]) -> Response:
    """Carry out what the unicorn asks for and answer with how it is then."""
    try:
        return Response(UnicornSerializer(operation()).data)
    except operations.UnknownFleetError as error:
        raise problems.Problem(
            status=409,
            type="fleet-unknown",
            title="There is no such fleet",
            detail=f"The caller belongs to the fleet {error.fleet}, which does not exist.",
        ) from None
