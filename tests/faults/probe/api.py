"""The HTTP interface of the probe."""

from __future__ import annotations

from typing import Any, cast

from django.db import transaction
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.faults.probe.messages import ProbeHappened
from wildrydes import publishing, saga


class ProbeEventsView(APIView):
    """Publish events whose handlers misbehave."""

    permission_classes = (AllowAny,)
    schema = None

    def post(self, request: Request) -> Response:
        """Publish `{"items": [{"group": …, "behaviour": …}]}` in one transaction."""
        events = [
            publishing.Outgoing(
                body=ProbeHappened(behaviour=item["behaviour"]), group_id=item["group"]
            )
            for item in cast(dict[str, Any], request.data)["items"]
        ]
        with transaction.atomic():
            ids = publishing.publish_all(events)
        return Response({"ids": [str(id_) for id_ in ids]}, 201)


class ProbeJourneysView(APIView):
    """Start sagas; the same key again is the same saga."""

    permission_classes = (AllowAny,)
    schema = None

    def post(self, request: Request) -> Response:
        """Start `{"items": [{"name": …, "key": …, "input": …}]}` in one transaction."""
        wanted = [saga.Start(**item) for item in cast(dict[str, Any], request.data)["items"]]
        with transaction.atomic():
            ids = saga.start_all(wanted)
        return Response({"ids": [str(id_) for id_ in ids]}, 201)
