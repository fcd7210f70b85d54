"""Throttling of logins: enough for people, too slow for guessing.

Guarantee: while Redis answers, no address and no account gets more attempts than the rate.
Does not guarantee: anything while Redis is away. Nobody is locked out by that; it is logged.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from redis.exceptions import RedisError
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.views import APIView

log = structlog.get_logger(__name__)


class LoginThrottle(SimpleRateThrottle):
    """Count the attempts from one address; the rate is `DEFAULT_THROTTLE_RATES["login"]`."""

    scope = "login"
    redis_is_away = False

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Say whether this attempt may go on; yes when Redis cannot be asked."""
        try:
            allowed = super().allow_request(request, view)
        except RedisError as error:
            self._say_once(error)
            return True
        LoginThrottle.redis_is_away = False
        return allowed

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Return where the attempts of this address are counted."""
        return self._counted_at(self.get_ident(request))

    def _counted_at(self, subject: str) -> str:
        digest = hashlib.sha256(subject.encode("utf-8", "replace")).hexdigest()
        return f"{type(self).__name__}:{digest}"

    def _say_once(self, error: RedisError) -> None:
        if not LoginThrottle.redis_is_away:
            log.warning("logins are not throttled: Redis is away", error=str(error))
        LoginThrottle.redis_is_away = True


class AccountThrottle(LoginThrottle):
    """Count the attempts on one account, from wherever they come."""

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """Return where the attempts on this account are counted; None when none is named."""
        body: Any = request.data
        username = body.get("username") if isinstance(body, Mapping) else None
        return self._counted_at(username) if isinstance(username, str) else None


def throttled(login: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return a login form's view with the same limits as the API's; 429 beyond them."""

    @wraps(login)
    def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = Request(request, parsers=[FormParser()])
        if request.method == "POST":
            for throttle in (LoginThrottle(), AccountThrottle()):
                if not throttle.allow_request(form, APIView()):
                    answer = HttpResponse("Too many attempts to log in.", status=429)
                    answer["Retry-After"] = str(int(throttle.wait() or 1) + 1)
                    return answer
        return login(request, *args, **kwargs)

    return view
