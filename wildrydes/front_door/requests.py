"""Requests whose headers cannot break the server before any view is reached."""

from __future__ import annotations

from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class TolerantRequest(WSGIRequest):
    """A request whose text is UTF-8, whatever its `Content-Type` claims.

    Django obeys the charset that a client names also when it is no charset (`base64`), and fails
    on one that it cannot read; both while the request is being made, where nothing answers for
    it but the server's bare 500. A type that cannot be read is no type: a body then is 415.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            parsed = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            parsed, meta["CONTENT_TYPE"] = ("", {}), "unreadable"
        self.content_type, self.content_params = parsed


def tolerant(application: WSGIHandler) -> WSGIHandler:
    """Make a WSGI application read its requests so; return it."""
    application.request_class = TolerantRequest
    return application
