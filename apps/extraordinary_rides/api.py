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
from apps.identity.messages import STAFF, Caller
from wildrydes.front_door.openapi import problem_responses


class LeaderboardView(APIView):
    """The greatest rides, for whoever is known to us."""

    @extend_schema(
        operation_id="extraordinary_rides",
        parameters=[LeaderboardQuerySerializer],
        responses={200: LeaderboardSerializer, **problem_responses(400, 401)},
    )
    def get(self, request: Request) -> Response:
        """Return the greatest rides by fare or by distance."""
        query = LeaderboardQuerySerializer(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        rides = queries.leaderboard(**query.validated_data)
        caller = Caller.of(request.user)
        shown = None if caller.role == STAFF else caller.customer
        board = {"by": query.validated_data["by"], "rides": rides}
        return Response(LeaderboardSerializer(board, context={"shown_customer": shown}).data)
