"""The HTTP interface of extraordinary rides."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.extraordinary_rides import queries
from apps.extraordinary_rides.serializers import (
    LeaderboardQuerySerializer,
    LeaderboardSerializer,
)
from apps.identity.messages import STAFF
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.permissions import only


class LeaderboardView(APIView):
    """The greatest rides, for staff: they are other people's."""

    permission_classes = (only(STAFF),)

    @extend_schema(
        operation_id="extraordinary_rides",
        parameters=[LeaderboardQuerySerializer],
        responses={200: LeaderboardSerializer, **problem_responses(400, 401, 403)},
    )
    def get(self, request: Request) -> Response:
        """Return the greatest rides by fare or by distance."""
        query = LeaderboardQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        rides = queries.leaderboard(**query.validated_data)
        board = {"by": query.validated_data["by"], "rides": rides}
        return Response(LeaderboardSerializer(board).data)
