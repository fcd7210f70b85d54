"""The HTTP interface of customer accounting."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.customer_accounting import queries
from apps.customer_accounting.serializers import StatementSerializer
from apps.identity.messages import CUSTOMER, Caller
from wildrydes.front_door import paging
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only


class StatementView(APIView):
    """What the calling customer owes, and for which rides."""

    permission_classes = (only(CUSTOMER),)

    @extend_schema(
        operation_id="customers_me_statement",
        parameters=[paging.PageSerializer],
        responses={200: StatementSerializer, **problem_responses(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Return a page of the caller's account, newest first."""
        page = paging.asked_for(request)
        statement = queries.statement(
            customer=Caller.of(request.user).customer,
            currency=settings.CURRENCY,
            limit=page.limit,
            before=page.before,
        )
        following = paging.next_page(request, after=statement.continues_after)
        return Response({**StatementSerializer(statement).data, "next": following})
