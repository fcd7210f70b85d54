"""The HTTP interface of customer loyalty."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.customer_loyalty import queries
from apps.customer_loyalty.serializers import StandingSerializer
from apps.identity.messages import CUSTOMER, Caller
from wildrydes.front_door import paging
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only


class LoyaltyView(APIView):
    """The calling customer's points and tier."""

    permission_classes = (only(CUSTOMER),)

    @extend_schema(
        operation_id="customers_me_loyalty",
        parameters=[paging.PageSerializer],
        responses={200: StandingSerializer, **problem_responses(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Return the caller's standing, with a page of the points that led there."""
        page = paging.asked_for(request)
        standing = queries.standing(
            customer=Caller.of(request.user).customer, limit=page.limit, before=page.before
        )
        following = paging.next_page(request, after=standing.continues_after)
        return Response({**StandingSerializer(standing).data, "next": following})
