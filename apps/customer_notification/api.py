"""The HTTP interface of customer notification."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.customer_notification import queries
from apps.customer_notification.serializers import InboxSerializer
from apps.identity.messages import CUSTOMER, Caller
from wildrydes.front_door import paging
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only


class NotificationsView(APIView):
    """What the calling customer was told."""

    permission_classes = (only(CUSTOMER),)

    @extend_schema(
        operation_id="customers_me_notifications",
        parameters=[paging.PageSerializer],
        responses={200: InboxSerializer, **problem_responses(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Return a page of the caller's notifications, newest first."""
        page = paging.asked_for(request)
        inbox = queries.inbox(
            customer=Caller.of(request.user).customer, limit=page.limit, before=page.before
        )
        following = paging.next_page(request, after=inbox.continues_after)
        return Response(
            InboxSerializer({"notifications": inbox.notifications, "next": following}).data
        )
