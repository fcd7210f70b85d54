"""Remembered callers: who called a moment ago is not looked up, but confirmed with what they do.

Guarantee: no POST has an effect for a caller who is not who they were remembered as: what is
committed was confirmed in its own transaction. Where nothing was, the caller is looked up before
they are answered; who is nobody any more is answered 401, and who has changed is judged anew. What
was confirmed, or may have been, is never carried out again.
Does not guarantee: 401 where Postgres does not answer (503), or something of ours fails (500). And
nothing by itself: a view may be one of these only where all that its `post` does is one
transaction, in which `confirming.confirm` comes first, and only 403 and 429 depend on who calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import PermissionDenied, Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from wildrydes import confirming
from wildrydes.confirming import Assumption

if TYPE_CHECKING:
    from rest_framework.views import APIView  # whose class body imports the authentication
else:
    APIView = object

NOBODYS_FAULT = (OperationalError, InterfaceError)


@dataclass(frozen=True)
class Remembered:
    """A caller who is only remembered.

    `look_up` returns the user and the token as they are now, None where nothing has changed, and
    raises `AuthenticationFailed`.
    """

    assumption: Assumption
    look_up: Callable[[], tuple[Any, Any] | None]


class ConfirmsCaller(APIView):
    """A view, beside `APIView`, whose callers need not be looked up before they POST."""

    post: Callable[..., Any]
    _remembered: Remembered | None = None

    def take_for_granted(self, remembered: Remembered) -> None:
        """Note, while the request is authenticated, that its caller is only remembered."""
        self._remembered = remembered
        confirming.assume(remembered.assumption)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request."""
        with confirming.nothing_assumed():
            return super().dispatch(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer what was raised, by permissions and throttles too, or the request anew."""
        remembered = self._forget()
        if remembered is None or isinstance(exc, NOBODYS_FAULT):
            return super().handle_exception(exc)
        is_refused = confirming.says_not_so(exc)
        if remembered.assumption.was_said and not is_refused:
            return super().handle_exception(exc)
        try:
            if self._has_changed(remembered) and isinstance(exc, PermissionDenied | Throttled):
                return self._post_anew(throttled=isinstance(exc, Throttled))
            return self._post_anew() if is_refused else super().handle_exception(exc)
        except Exception as error:  # noqa: BLE001 - as `dispatch` does
            return super().handle_exception(error)

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Answer as was meant, or anew where nothing has confirmed the caller."""
        remembered = self._forget()
        if remembered is not None and not remembered.assumption.was_said:
            try:
                response = self._post_anew() if self._has_changed(remembered) else response
            except Exception as error:  # noqa: BLE001 - as `dispatch` does
                response = super().handle_exception(error)
        return super().finalize_response(request, response, *args, **kwargs)

    def _forget(self) -> Remembered | None:
        remembered, self._remembered = self._remembered, None
        return remembered

    def _has_changed(self, remembered: Remembered) -> bool:
        """Look up who was only remembered; raise where they are nobody, or may not do this."""
        confirming.assume(None)
        headers, self.headers = self.headers, self.default_response_headers
        found = remembered.look_up()
        if found is None:
            self.headers = headers
            return False
        self.request.user, self.request.auth = found
        self.check_permissions(self.request)
        return True

    def _post_anew(self, *, throttled: bool = False) -> Response:
        """Carry out what was not, for a caller who was looked up just now."""
        if throttled:
            self.check_throttles(self.request)
        answer: Response = self.post(self.request, *self.args, **self.kwargs)
        return answer


def takes_for_granted(request: Request) -> Callable[[Remembered], None] | None:
    """Return how to say that the caller of this request is only remembered, where that will do."""
    if request.method != "POST":
        return None
    return getattr(request.parser_context["view"], "take_for_granted", None)
