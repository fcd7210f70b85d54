"""The HTTP interface of identity: a token for credentials, and its end."""

from __future__ import annotations

from django.contrib.auth import authenticate
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.identity import operations
from apps.identity.models import User
from apps.identity.serializers import CredentialsSerializer, TokenSerializer
from wildrydes.front_door.fields import NothingSerializer
from wildrydes.front_door.openapi import problem_responses
from wildrydes.front_door.problems import Problem
from wildrydes.front_door.throttling import AccountThrottle, LoginThrottle

NOTHING = NothingSerializer()


class TokenView(APIView):
    """Exchange a username and password for a token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle, AccountThrottle)

    @extend_schema(
        operation_id="auth_token",
        request=CredentialsSerializer,
        responses={200: TokenSerializer, **problem_responses(400, 401, 413, 415, 429)},
        auth=[],
    )
    def post(self, request: Request) -> Response:
        """Issue a token. Wrong credentials are 401, whether or not the username exists."""
        credentials = CredentialsSerializer(data=request.data)
        credentials.is_valid(raise_exception=True)
        user = authenticate(request, **credentials.validated_data)
        if not isinstance(user, User):
            raise Problem(
                status=401,
                type="wrong-credentials",
                title="The username or the password is wrong",
            )
        issued = operations.issue_token(user=user, now=timezone.now())
        answer = {"token": issued.token, "expires_at": issued.expires_at}
        return Response(answer, headers={"Cache-Control": "no-store"})


class LogoutView(APIView):
    """End a token."""

    @extend_schema(
        operation_id="auth_logout",
        request=NothingSerializer,
        responses={204: None, **problem_responses(400, 401, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """Revoke the token that this request bears."""
        NOTHING.run_validation(request.data)
        operations.revoke_token(token=request.auth)
        return Response(status=204)
