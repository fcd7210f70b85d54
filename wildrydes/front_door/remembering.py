"""Remembered callers: who called a moment ago is not looked up, but confirmed with what they do.

Guarantee: no POST has an effect, or an answer other than 401, for a caller who is not who they were
remembered as: what is committed was confirmed in its own transaction, and before anything else is
answered the caller is looked up after all, and the request judged anew if they have changed.
Does not guarantee: anything by itself. A view may be one of these only where all that its `post`
does is one transaction, in which `confirming.confirm` comes first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from wildrydes import confirming
from wildrydes.confirming import Assumption

if TYPE_CHECKING:
    from rest_framework.views import APIView  # whose class body imports the authentication
else:
    APIView = object


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
        anew = self._judged_anew(in_any_case=confirming.says_not_so(exc))
        return super().handle_exception(exc) if anew is None else anew

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        """Answer as was meant, or anew where nothing has confirmed the caller."""
        remembered = self._remembered
        if remembered is not None and not remembered.assumption.was_said:
            response = self._judged_anew() or response
        return super().finalize_response(request, response, *args, **kwargs)

    def _judged_anew(self, *, in_any_case: bool = False) -> Any:
        """Look up who was only remembered. None where there is no such caller, or no change."""
        remembered, self._remembered = self._remembered, None
        if remembered is None:
            return None
        confirming.assume(None)
        try:
            found = remembered.look_up()
            if found is None and not in_any_case:
                return None
            if found is not None:
                self.request.user, self.request.auth = found
            self.initial(self.request, *self.args, **self.kwargs)
            return self.post(self.request, *self.args, **self.kwargs)
        except Exception as error:  # noqa: BLE001 - as `dispatch` does
            return super().handle_exception(error)


def takes_for_granted(request: Request) -> Callable[[Remembered], None] | None:
    """Return how to say that the caller of this request is only remembered, where that will do."""
    if request.method != "POST":
        return None
    return getattr(request.parser_context["view"], "take_for_granted", None)
