"""What only people with a browser need: sessions, messages, and their protection from forgery.

Guarantee: beneath `/admin/` these are Django's own middlewares; everywhere else they do nothing,
because a program shows a token with each request and has no cookies that could be abused.
Does not guarantee: protection of a view outside `/admin/` that would trust a session.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware

from wildrydes.front_door import problems


class _OnlyForPeople:
    """Let a request that no person makes pass by."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        if request.path_info.startswith(problems.HTML_PREFIX):
            return super().__call__(request)  # type: ignore[misc, no-any-return]
        return self.get_response(request)  # type: ignore[no-any-return]


class Sessions(_OnlyForPeople, SessionMiddleware):
    """Give people their session."""


class Authentication(_OnlyForPeople, AuthenticationMiddleware):
    """Say who is logged in."""


class Messages(_OnlyForPeople, MessageMiddleware):
    """Keep what people are told on their next page."""


class Forgery(_OnlyForPeople, CsrfViewMiddleware):
    """Refuse forms that another site has sent."""

    def process_view(
        self, request: HttpRequest, callback: Any, args: Any, kwargs: Any
    ) -> HttpResponseForbidden | None:
        """Refuse the request, unless it is none of a person."""
        if not request.path_info.startswith(problems.HTML_PREFIX):
            return None
        return super().process_view(request, callback, args, kwargs)
