"""The outer ring: no error without a problem, no request without an id."""

from __future__ import annotations

import json
from typing import Any

import pytest
import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.test import Client, RequestFactory

from wildrydes import context
from wildrydes.front_door.middleware import ProblemMiddleware, TracingMiddleware

TRACE_PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def through_problems(answer: HttpResponse, path: str = "/api/v1/rides", **extra: Any) -> Any:
    return ProblemMiddleware(lambda request: answer)(RequestFactory().get(path, **extra))


class Seen:
    """A view that remembers in which context it ran."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        self.context = context.current()
        self.logged = structlog.contextvars.get_contextvars()
        return HttpResponse()


def traced(**headers: str) -> tuple[Seen, HttpResponse]:
    view = Seen()
    answer = TracingMiddleware(view)(RequestFactory().get("/", headers=headers))
    assert isinstance(answer, HttpResponse)
    return view, answer


def test_an_error_page_becomes_a_problem_and_keeps_what_clients_need() -> None:
    answer = through_problems(HttpResponseNotAllowed(["GET"]))

    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Allow"] == "GET"
    assert json.loads(answer.content)["type"] == "/problems/method-not-allowed"


@pytest.mark.parametrize("status", [400, 403, 404, 418, 500, 502])
def test_whatever_its_status_an_error_page_becomes_a_problem(status: int) -> None:
    answer = through_problems(HttpResponse("<h1>No</h1>", status=status))

    assert answer.status_code == status
    assert json.loads(answer.content)["status"] == status


@pytest.mark.parametrize(
    "answer",
    [HttpResponse("fine"), HttpResponse(status=302), JsonResponse({"status": "no"}, status=503)],
)
def test_other_answers_are_left_alone(answer: HttpResponse) -> None:
    assert through_problems(answer) is answer


def test_the_admin_keeps_its_pages() -> None:
    page = HttpResponse("<h1>No</h1>", status=404)

    assert through_problems(page, "/admin/nowhere") is page


@pytest.mark.parametrize("path", ["/api/v1/rides/a%00b", "/admin/?q=a%00b"])
def test_a_nul_in_the_path_or_for_the_admin_is_refused(path: str) -> None:
    assert through_problems(HttpResponse("never"), path).status_code == 400


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=1&ride=a%00b", "ride"), ("ride=a&ride=%00", "ride"), ("a%00", "a\0")],
)
def test_a_nul_in_the_query_is_refused_and_its_parameter_is_named(query: str, field: str) -> None:
    answer = through_problems(HttpResponse("never"), f"/api/v1/rides?{query}")

    assert answer.status_code == 400
    assert [error["field"] for error in json.loads(answer.content)["errors"]] == [field]


@pytest.mark.parametrize("header", ["X-Request-ID", "X-Correlation-ID"])
def test_a_caller_s_own_id_is_taken_over(header: str) -> None:
    view, answer = traced(**{header: "ride-7"})

    assert view.context.correlation_id == "ride-7"
    assert view.logged == {"correlation_id": "ride-7"}
    assert answer["X-Request-ID"] == "ride-7"


@pytest.mark.parametrize("given", ["", " ", "x" * 101, "a\x07b", "\u00e9"])
def test_an_id_that_is_not_sane_is_replaced(given: str) -> None:
    view, answer = traced(**{"X-Request-ID": given})

    assert len(view.context.correlation_id) == 36
    assert answer["X-Request-ID"] == view.context.correlation_id


def test_each_request_has_an_id_of_its_own() -> None:
    assert traced()[1]["X-Request-ID"] != traced()[1]["X-Request-ID"]


def test_nothing_is_left_behind_after_the_request() -> None:
    traced()

    assert context.current() == context.Context()
    assert structlog.contextvars.get_contextvars() == {}


def test_a_valid_trace_goes_on() -> None:
    assert traced(traceparent=TRACE_PARENT)[0].context.trace_parent == TRACE_PARENT


@pytest.mark.parametrize(
    "given",
    [
        "nonsense",
        TRACE_PARENT.upper(),
        TRACE_PARENT + "-more",
        TRACE_PARENT.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        TRACE_PARENT.replace("00f067aa0ba902b7", "0" * 16),
    ],
)
def test_an_invalid_trace_is_ignored(given: str) -> None:
    assert traced(traceparent=given)[0].context.trace_parent == ""


def test_an_unknown_host_is_a_problem() -> None:
    answer = Client().get("/healthz", headers={"host": "evil.example"})

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/%ff", "/api/v1/%ED%A0%80"])
def test_a_path_that_leads_nowhere_is_a_problem(path: str) -> None:
    answer = Client().get(path)

    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/not-found"


def test_healthz_takes_only_what_it_can_answer() -> None:
    answer = Client().post("/healthz")

    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert answer.json()["type"] == "/problems/method-not-allowed"


def test_the_root_leads_to_the_documentation() -> None:
    answer = Client().get("/")

    assert (answer.status_code, answer["Location"]) == (302, "/api/docs")
