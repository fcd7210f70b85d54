"""The HTTP interface of ride booking: requests for quotes, and what fleets answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.identity.messages import CUSTOMER, STAFF, UNICORN, Caller
from apps.ride_booking import happenings, queries, serializers
from apps.ride_booking.operations import requesting
from wildrydes.front_door import events, live, paging
from wildrydes.front_door.idempotency import once_per_key
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only
from wildrydes.front_door.problems import Problem

# Made once: a new serializer copies each of its fields, and these hold nothing of a request.
WANTED = serializers.WantedRideSerializer()
RFQ = serializers.RfqSerializer()
OWN_ANSWER = serializers.OwnAnswerSerializer()


class RfqsView(APIView):
    """The requests for quotes: make one, or see those that are yours to see."""

    def get_permissions(self) -> Sequence[BasePermission]:
        """Let everyone look, and customers and staff ask."""
        return [only(CUSTOMER, STAFF)() if self.request.method == "POST" else IsAuthenticated()]

    @extend_schema(
        operation_id="instant_ride_rfqs_submit",
        request=serializers.WantedRideSerializer,
        responses={
            201: serializers.AcceptedRfqSerializer,
            **problem_responses(400, 401, 403, 413, 415),
        },
    )
    @once_per_key
    def post(self, request: Request) -> Response:
        """Ask every fleet for a quote. With the answer the request is stored, and will be asked."""
        wanted = WANTED.run_validation(request.data)
        caller = Caller.of(request.user)
        try:
            standing = requesting.submit_rfq(wanted=wanted, caller=caller, now=timezone.now())
        except requesting.NotForThemselvesError:
            raise PermissionDenied("A customer asks for themselves only.") from None
        where = reverse("instant-ride-rfq", kwargs={"id": standing.rfq.id})
        shown = serializers.AcceptedRfqSerializer(standing).data
        return Response(shown, 201, headers={"Location": where})

    @extend_schema(
        operation_id="instant_ride_rfqs_list",
        parameters=[serializers.RfqListSerializer],
        responses={200: serializers.RfqPageSerializer, **problem_responses(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """Return the requests that the caller may see, newest first, a page at a time."""
        asked = serializers.RfqListSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        page = paging.asked_for(request)
        found = queries.newest_rfqs(
            caller=Caller.of(request.user),
            status=asked.validated_data["status"],
            limit=page.limit,
            before=page.before,
        )
        following = paging.next_page(request, after=found.continues_after)
        results = [RFQ.to_representation(row) for row in found.rows]
        return Response({"results": results, "next": following})


@extend_schema_view(post=extend_schema(operation_id="submit_instant_ride_rfq"))
class SubmitRfqView(RfqsView):
    """The name that the original requirement has for asking for quotes."""

    http_method_names = ["post", "options"]


class RfqView(APIView):
    """One request for quotes."""

    @extend_schema(
        operation_id="instant_ride_rfqs_get",
        parameters=[serializers.WaitSerializer],
        responses={200: serializers.RfqSerializer, **problem_responses(400, 401, 404)},
    )
    def get(self, request: Request, id: UUID) -> Response:
        """Return the request and the quotes that have come; with `wait`, once it is closed."""
        asked = serializers.WaitSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        standing = _standing(request, id)
        seconds = asked.validated_data["wait"] if standing.status == queries.OPEN else 0
        return Response(RFQ.to_representation(standing), headers=live.until_changed(seconds))


@extend_schema_view(get=extend_schema(operation_id="query_instant_ride_rfq"))
class QueryRfqView(RfqView):
    """The name that the original requirement has for looking at a request."""


class RfqStreamView(APIView):
    """One request for quotes, as it goes on."""

    @extend_schema(
        operation_id="instant_ride_rfqs_stream",
        parameters=[
            OpenApiParameter(events.RESUME_HEADER, str, OpenApiParameter.HEADER),
        ],
        responses={
            (200, events.CONTENT_TYPE): OpenApiTypes.STR,
            204: None,
            **problem_responses(401, 404),
        },
    )
    def get(self, request: Request, id: UUID) -> HttpResponse:
        """Return server-sent events: a `quote` for each as it comes, and `closed` at the end.

        Who comes back after `closed` is answered 204.
        """
        standing = _standing(request, id)
        return events.answer(
            happenings.of(standing),
            last_event_id=request.headers.get(events.RESUME_HEADER, ""),
            headers=live.goes_on() if standing.status == queries.OPEN else {},
        )


class QuotesView(APIView):
    """What a fleet answers by itself."""

    permission_classes = (only(UNICORN),)

    @extend_schema(
        operation_id="instant_ride_rfqs_answer",
        request=serializers.OwnAnswerSerializer,
        responses={
            201: serializers.StoredAnswerSerializer,
            **problem_responses(400, 401, 403, 404, 409, 413, 415),
        },
    )
    @once_per_key
    def post(self, request: Request, id: UUID) -> Response:
        """Answer a request that the caller's fleet was asked. The same again is no harm."""
        answer = OWN_ANSWER.run_validation(request.data)
        caller = Caller.of(request.user)
        rfq = get_object_or_404(queries.rfqs_visible_to(caller=caller), id=id)
        try:
            stored = requesting.answer_by_itself(rfq=rfq, caller=caller, answer=answer)
        except requesting.ClosedError as error:
            raise _conflict("rfq-closed", "The request is closed; this came late", error) from None
        except requesting.AnsweredOtherwiseError as error:
            title = "The fleet has given another answer already"
            raise _conflict("answered-otherwise", title, error) from None
        where = reverse("instant-ride-rfq", kwargs={"id": id})
        shown = serializers.StoredAnswerSerializer(stored).data
        return Response(shown, 201, headers={"Location": where})


def _standing(request: Request, id: UUID) -> queries.Standing:
    caller = Caller.of(request.user)
    rfq = get_object_or_404(queries.rfqs_visible_to(caller=caller), id=id)
    return queries.standing(rfq, caller=caller)


def _conflict(
    type_: str, title: str, error: requesting.ClosedError | requesting.AnsweredOtherwiseError
) -> Problem:
    kept: dict[str, Any] = {**serializers.StoredAnswerSerializer(error.response).data}
    return Problem(status=409, type=type_, title=title, extra={"answer": kept})
