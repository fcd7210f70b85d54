"""Remembered callers: who called a moment ago is not looked up, but confirmed with what they do.

Guarantee: no request has an effect, or an answer other than 401, for a caller who is not who they
were remembered as: what is committed was confirmed in its own transaction, and before anything
else is answered the caller is looked up after all.
Does not guarantee: anything by itself. A method may be marked only where all that it does is one
transaction, in which `confirming.confirm` comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from rest_framework.request import Request

from wildrydes import confirming
from wildrydes.confirming import Assumption

if TYPE_CHECKING:
    from rest_framework.views import APIView  # whose class body imports the authentication

MARK = "confirms_caller"

Post = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Remembered:
    """That a caller is remembered only: the `remembered` of a `request.auth`.

    `look_up` returns the user and the token as they are now, None where nothing has changed, and
    raises `AuthenticationFailed`.
    """

    assumption: Assumption
    look_up: Callable[[], tuple[Any, Any] | None]


def confirms_caller(post: Post) -> Post:
    """Return a view's method for which callers need not be looked up first."""

    @wraps(post)
    def answered(view: APIView, request: Request, **kwargs: Any) -> HttpResponse:
        remembered = getattr(request.auth, "remembered", None)
        if remembered is None:
            return post(view, request, **kwargs)
        try:
            with confirming.assuming(remembered.assumption):
                answer = post(view, request, **kwargs)
        except Exception as error:
            if not (_is_another(view, request, remembered) or confirming.says_not_so(error)):
                raise
        else:
            if remembered.assumption.was_said or not _is_another(view, request, remembered):
                return answer
        return post(view, request, **kwargs)

    setattr(answered, MARK, True)
    return answered


def may_be_remembered(request: Request) -> bool:
    """Say whether the method that this request is for confirms its caller."""
    view = request.parser_context["view"]
    return hasattr(getattr(view, str(request.method).lower(), None), MARK)


def _is_another(view: APIView, request: Request, remembered: Remembered) -> bool:
    """Look the caller up; say whether anything has changed. Raises what the view's checks raise."""
    found = remembered.look_up()
    if found is None:
        return False
    request.user, request.auth = found
    view.check_permissions(request)
    return True
