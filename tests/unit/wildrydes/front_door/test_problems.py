"""Every error is one kind of document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpResponse
from django.test import RequestFactory
from rest_framework import exceptions

from wildrydes.front_door import problems
from wildrydes.front_door.problems import PayloadTooLarge, Problem


def answered(error: Exception) -> HttpResponse:
    answer = problems.exception_handler(error, {})
    assert answer is not None
    return answer


def document(answer: HttpResponse) -> dict[str, Any]:
    assert answer["Content-Type"] == "application/problem+json"
    content: dict[str, Any] = json.loads(answer.content)
    assert content["status"] == answer.status_code
    assert content["title"]
    return content


@pytest.mark.parametrize(
    ("error", "status", "type_"),
    [
        (exceptions.ValidationError({"to": ["bad"]}), 400, "validation"),
        (exceptions.ParseError("bad"), 400, "malformed"),
        (SuspiciousOperation(), 400, "bad-request"),
        (exceptions.NotAuthenticated(), 401, "not-authenticated"),
        (exceptions.AuthenticationFailed(), 401, "not-authenticated"),
        (exceptions.PermissionDenied(), 403, "permission-denied"),
        (PermissionDenied(), 403, "permission-denied"),
        (exceptions.NotFound(), 404, "not-found"),
        (Http404("No RideCompletion matches the given query."), 404, "not-found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method-not-allowed"),
        (PayloadTooLarge(), 413, "too-large"),
        (RequestDataTooBig(), 413, "too-large"),
        (exceptions.UnsupportedMediaType("text/csv"), 415, "unsupported-media-type"),
        (exceptions.Throttled(3), 429, "throttled"),
        (exceptions.APIException(), 500, "server-error"),
        (OperationalError("connection refused"), 503, "unavailable"),
        (Problem(409, "ride-already-completed", "Twice"), 409, "ride-already-completed"),
    ],
)
def test_each_error_has_a_stable_type(error: Exception, status: int, type_: str) -> None:
    content = document(answered(error))

    assert (content["status"], content["type"]) == (status, f"/problems/{type_}")


def test_what_nothing_foresaw_is_left_to_the_last_handler() -> None:
    assert problems.exception_handler(IntegrityError(), {}) is None
    assert problems.exception_handler(ZeroDivisionError(), {}) is None


def test_a_missing_thing_does_not_tell_our_names() -> None:
    assert "RideCompletion" not in str(document(answered(Http404("No RideCompletion matches"))))


def test_a_database_that_is_away_does_not_tell_where_it_is() -> None:
    answer = answered(OperationalError("connection to 10.0.0.1 failed"))

    assert "10.0.0.1" not in answer.content.decode()
    assert answer["Retry-After"] == "2"


def test_a_401_says_how_to_authenticate() -> None:
    assert answered(exceptions.NotAuthenticated())["WWW-Authenticate"] == "Token"
    assert answered(Problem(401, "wrong", "Wrong"))["WWW-Authenticate"] == "Token"


def test_a_429_says_when_to_come_back() -> None:
    assert answered(exceptions.Throttled(12.3))["Retry-After"] == "13"
    assert answered(exceptions.Throttled())["Retry-After"] == "1"


def test_a_problem_of_a_service_has_what_it_was_given() -> None:
    problem = Problem(
        status=410,
        type="quote-expired",
        title="The quote has expired",
        detail="It was good until noon.",
        extra={"rfq-id": "7"},
        headers={"X-Told": "yes"},
    )
    answer = answered(problem)

    assert document(answer) == {
        "type": "/problems/quote-expired",
        "title": "The quote has expired",
        "status": 410,
        "detail": "It was good until noon.",
        "rfq-id": "7",
    }
    assert answer["X-Told"] == "yes"


def test_fields_are_named_as_they_are_written_in_the_body() -> None:
    detail = {
        "to": ["Blank.", "And wrong."],
        "pickup": {"street": ["Unknown."], "": ["Nowhere."]},
        "items": [{}, {"fare": ["Negative."]}, {"stops": [["Bad."], []]}],
        "by_index": {3: {"fare": ["Late."]}},
        "": ["Neither."],
        "non_field_errors": ["Somebody's own."],
    }

    assert list(problems.flatten(detail)) == [
        {"field": "to", "message": "Blank."},
        {"field": "to", "message": "And wrong."},
        {"field": "pickup.street", "message": "Unknown."},
        {"field": "pickup", "message": "Nowhere."},
        {"field": "items[1].fare", "message": "Negative."},
        {"field": "items[2].stops[0]", "message": "Bad."},
        {"field": "by_index[3].fare", "message": "Late."},
        {"field": "", "message": "Neither."},
        {"field": "non_field_errors", "message": "Somebody's own."},
    ]


def test_a_field_name_that_cannot_be_written_is_shown_as_well_as_can_be() -> None:
    unknown = {"\ud800" + "x" * 10_000: ["This field is not known."]}
    (error,) = document(answered(exceptions.ValidationError(unknown)))["errors"]

    assert error["field"] == "?" + "x" * 199


def test_very_many_errors_are_cut_off() -> None:
    unknown = {str(number): ["This field is not known."] for number in range(5_000)}

    assert len(document(answered(exceptions.ValidationError(unknown)))["errors"]) == 100


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (lambda request: problems.bad_request(request, SuspiciousOperation()), 400),
        (lambda request: problems.bad_request(request, RequestDataTooBig()), 413),
        (lambda request: problems.permission_denied(request, PermissionDenied()), 403),
        (lambda request: problems.not_found(request, Http404()), 404),
        (problems.server_error, 500),
    ],
)
def test_django_s_own_error_pages_are_problems(view: Any, status: int) -> None:
    assert document(view(RequestFactory().get("/anywhere")))["status"] == status


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (lambda request: problems.bad_request(request, SuspiciousOperation()), 400),
        (lambda request: problems.permission_denied(request, PermissionDenied()), 403),
        (lambda request: problems.not_found(request, Http404()), 404),
        (problems.server_error, 500),
    ],
)
def test_the_admin_keeps_its_pages(view: Any, status: int) -> None:
    answer = view(RequestFactory().get("/admin/anywhere"))

    assert answer.status_code == status
    assert answer["Content-Type"].startswith("text/html")
