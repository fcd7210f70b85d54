"""The HTTP interface of ride prebooking."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from uuid import UUID

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.identity.messages import CUSTOMER, STAFF, Caller
from apps.ride_prebooking import queries, serializers
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations import cancelling, submitting
from apps.ride_prebooking.rules import Status
from wildrydes.front_door import paging
from wildrydes.front_door.fields import NothingSerializer
from wildrydes.front_door.idempotency import once_per_key
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only
from wildrydes.front_door.problems import Problem
from wildrydes.front_door.remembering import ConfirmsCaller

# Made once: a new serializer copies each of its fields, and these hold nothing of a request.
WANTED = serializers.WantedRideSerializer()
NOTHING = NothingSerializer()
PREBOOKING = serializers.PrebookingSerializer()


class PrebookingsView(ConfirmsCaller, APIView):
    """The prebookings: make one, or see those that are yours to see."""

    def get_permissions(self) -> Sequence[BasePermission]:
        """Let everyone look, and customers and staff prebook."""
        return [only(CUSTOMER, STAFF)() if self.request.method == "POST" else IsAuthenticated()]

    @extend_schema(
        operation_id="ride_prebookings_submit",
        request=serializers.WantedRideSerializer,
        responses={
            202: serializers.AcceptedSerializer,
            **problem_responses(400, 401, 403, 413, 415),
        },
    )
    @once_per_key
    def post(self, request: Request) -> Response:
        """Prebook a ride. With the answer it will be confirmed, or rejected with a reason."""
        wanted = WANTED.run_validation(request.data)
        try:
            prebooking = submitting.accept(wanted=wanted, caller=Caller.of(request.user))
        except submitting.NotForThemselvesError:
            raise PermissionDenied("A customer prebooks for themselves only.") from None
        answer = {"id": str(prebooking), "status": Status.ACCEPTED.value}
        return Response(answer, 202, headers={"Location": f"{_path()}/{prebooking}"})

    @extend_schema(
        operation_id="ride_prebookings_list",
        parameters=[serializers.PrebookingListSerializer],
        responses={200: serializers.PrebookingPageSerializer, **problem_responses(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """Return the stored prebookings that the caller may see, newest first, a page at a time."""
        asked = serializers.PrebookingListSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        page = paging.asked_for(request)
        found = queries.newest(
            caller=Caller.of(request.user),
            status=asked.validated_data["status"],
            customer=asked.validated_data["customer"],
            limit=page.limit,
            before=page.before,
        )
        following = paging.next_page(request, after=found.continues_after)
        results = [PREBOOKING.to_representation(row) for row in found.rows]
        return Response({"results": results, "next": following})


@extend_schema_view(post=extend_schema(operation_id="submit_ride_prebooking"))
class SubmitPrebookingView(PrebookingsView):
    """The name that the original requirement has for prebooking a ride."""

    http_method_names = ["post", "options"]


class PrebookingView(APIView):
    """One prebooking."""

    @extend_schema(
        operation_id="ride_prebookings_get",
        responses={200: serializers.PrebookingSerializer, **problem_responses(401, 404)},
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Return the prebooking and how it stands, from the moment that it was accepted."""
        try:
            row = queries.find(prebooking_id=id, caller=Caller.of(request.user))
        except Prebooking.DoesNotExist:
            raise Http404 from None
        return Response(PREBOOKING.to_representation(row))


class CancelView(APIView):
    """The end of a prebooking that is no longer wanted."""

    permission_classes = (only(CUSTOMER, STAFF),)

    @extend_schema(
        operation_id="ride_prebookings_cancel",
        request=NothingSerializer,
        responses={
            200: serializers.PrebookingSerializer,
            **problem_responses(400, 401, 403, 404, 409, 413, 415),
        },
    )
    def post(self, request: Request, id: UUID) -> Response:
        """Cancel a prebooking free of charge, until it is due."""
        NOTHING.run_validation(request.data)
        try:
            row = cancelling.cancel(
                prebooking_id=id, caller=Caller.of(request.user), now=timezone.now()
            )
        except Prebooking.DoesNotExist:
            raise Http404 from None
        except cancelling.NotNowError as error:
            raise _not_now(error) from None
        return Response(PREBOOKING.to_representation(row))


class CampaignView(APIView):
    """One campaign."""

    @extend_schema(
        operation_id="campaigns_get",
        responses={200: serializers.CampaignSerializer, **problem_responses(401, 404)},
    )
    def get(self, request: Request, code: str) -> Response:
        """Return the campaign and how many of its places are left."""
        campaign = get_object_or_404(Campaign, code=code)
        return Response(serializers.CampaignSerializer(campaign).data)


def _not_now(error: cancelling.NotNowError) -> Problem:
    row = error.prebooking
    return Problem(
        status=409,
        type="prebooking-state",
        title="This prebooking cannot be cancelled",
        detail=f"Prebooking {row.id} is {row.status}.",
        extra={"prebooking": row.id, "state": row.status, "ride": row.ride},
    )


@cache
def _path() -> str:
    return reverse("ride-prebookings")
