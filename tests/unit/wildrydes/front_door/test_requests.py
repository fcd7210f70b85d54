"""No `Content-Type` breaks the server before a view is reached."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from config.wsgi import application
from wildrydes.front_door.requests import TolerantRequest, tolerant

KINDS = [
    "application/json; charset=base64",
    "application/json; charset=rot13",
    "application/json; charset=utf-16",
    "application/json; charset=nonsense",
    "application/json; charset*=nonsense''x",
    "application/json; x*=base64''%41",
    ";;;=",
    "\u00e9",
]


def environment(**differs: str) -> dict[str, Any]:
    return {**RequestFactory().get("/").META, **differs}


@pytest.mark.django_db  # a request looks after connections that tests before it have left open
@pytest.mark.parametrize("kind", KINDS)
def test_a_strange_content_type_is_answered(kind: str) -> None:
    answered: list[str] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        answered.append(status)

    environ = environment(PATH_INFO="/healthz", QUERY_STRING="to=%41", CONTENT_TYPE=kind)
    tolerant(WSGIHandler())(environ, start_response)

    assert answered == ["200 OK"]


@pytest.mark.parametrize("kind", KINDS)
def test_text_is_utf8_whatever_is_claimed(kind: str) -> None:
    environ = environment(PATH_INFO="/", QUERY_STRING="to=%E2%98%80", CONTENT_TYPE=kind)

    assert TolerantRequest(environ).GET["to"] == "☀"


def test_the_served_application_reads_its_requests_so() -> None:
    assert application.request_class is TolerantRequest
