"""Who called a moment ago is not looked up again, and yet is who they are now, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
import time_machine
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.exceptions import PermissionDenied
from rest_framework.test import APIClient

from apps.identity import authentication, operations
from apps.identity.authentication import CONFIRM, FIND, Memory
from apps.identity.models import User
from apps.unicorn_management import api
from apps.unicorn_management.models import RideCompletion
from tests.integration.apps.ride_prebooking.conftest import wanted
from tests.integration.apps.unicorn_management.conftest import RIDE
from wildrydes import prepared
from wildrydes.front_door import rates
from wildrydes.front_door.remembering import ConfirmsCaller
from wildrydes.models import Message
from wildrydes.postgres.base import DatabaseWrapper

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("wire")]

RIDES = "/api/v1/ride-completions"
BATCH = f"{RIDES}/batch"
PREBOOKINGS = "/api/v1/ride-prebookings"
BODIES: dict[str, Callable[[], Any]] = {
    RIDES: lambda: RIDE,
    "/submit-ride-completion": lambda: RIDE,
    BATCH: lambda: {"items": [RIDE, RIDE]},
    PREBOOKINGS: wanted,
    "/submit-ride-prebooking": wanted,
}


def expire() -> None:
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))


def deactivate() -> None:
    User.objects.update(is_active=False)


def revoke() -> None:
    operations.revoke_token(token=AuthToken.objects.get())


def remove() -> None:
    User.objects.get().delete()


ENDS = [expire, deactivate, revoke, remove]


@pytest.fixture
def caller() -> APIClient:
    """Return a member of staff who may do everything and has called before."""
    user = operations.register_staff(username="rarity", password="correct horse")
    User.objects.update(fleet="north", customer="x")
    token = operations.issue_token(user=user, now=timezone.now()).token
    client = APIClient(headers={"Authorization": f"Token {token}"})
    assert client.post(RIDES, {}, format="json").status_code == 400
    return client


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is said of callers from now on: that they are looked up, or confirmed."""
    noted: list[str] = []

    def noting(run: Callable[..., Any]) -> Callable[..., Any]:
        def noted_and_run(statement: str, parameters: Any, **options: Any) -> Any:
            if statement in (FIND, CONFIRM):
                noted.append("look up" if statement is FIND else "confirm")
            return run(statement, parameters, **options)

        return noted_and_run

    for name in ("execute", "say"):
        monkeypatch.setattr(prepared, name, noting(getattr(prepared, name)))
    return noted


def stored() -> tuple[int, int]:
    return RideCompletion.objects.count(), Message.objects.count()


def confirming_paths() -> set[str]:
    """Return the paths of all views that confirm their caller."""

    def paths(patterns: Any, before: str = "/") -> Iterator[tuple[str, Any]]:
        for one in patterns:
            path = before + str(one.pattern)
            if isinstance(one, URLPattern):
                yield path, getattr(one.callback, "view_class", None)
            else:
                yield from paths(one.url_patterns, path)

    every = paths(get_resolver().url_patterns)
    return {path for path, view in every if view and issubclass(view, ConfirmsCaller)}


def test_every_view_that_confirms_its_caller_is_tried_here() -> None:
    assert confirming_paths() == set(BODIES)


@pytest.mark.parametrize("path", BODIES)
def test_a_caller_who_is_known_is_confirmed_and_not_looked_up(
    caller: APIClient, said: list[str], path: str
) -> None:
    answer = caller.post(path, BODIES[path](), format="json")

    assert answer.status_code in (201, 202), answer.content
    assert said == ["confirm"]


def test_who_was_never_seen_is_looked_up_once(said: list[str]) -> None:
    user = operations.register_unicorn(username="rarity", password="correct", fleet="north")
    token = operations.issue_token(user=user, now=timezone.now()).token
    client = APIClient(headers={"Authorization": f"Token {token}"})

    for _ in range(2):
        assert client.post(RIDES, RIDE, format="json").status_code == 201
    assert said == ["look up", "confirm"]


def test_who_only_looks_is_looked_up_each_time(caller: APIClient, said: list[str]) -> None:
    for _ in range(2):
        assert caller.get(RIDES).status_code == 200
    User.objects.update(fleet="south")
    assert caller.get(RIDES).json() == {"results": [], "next": None}
    assert said == ["look up"] * 3


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("path", BODIES)
def test_whose_token_has_ended_does_nothing(
    caller: APIClient, said: list[str], path: str, ends: Callable[[], object]
) -> None:
    ends()

    first, second = (caller.post(path, BODIES[path](), format="json") for _ in range(2))

    assert (first.status_code, second.status_code) == (401, 401)
    assert first["WWW-Authenticate"] == "Token"
    assert stored() == (0, 0)
    assert said == ["confirm", "look up", "look up"]


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("path", BODIES)
def test_nor_is_anything_else_answered(
    caller: APIClient, path: str, ends: Callable[[], object]
) -> None:
    ends()

    assert caller.post(path, {}, format="json").status_code == 401


@pytest.mark.parametrize("body", [{"items": []}, {"items": [{}]}, [], "{"], ids=str)
def test_whatever_the_body(caller: APIClient, body: Any) -> None:
    revoke()

    assert caller.post(BATCH, body, format="json").status_code == 401


@pytest.mark.parametrize("ends", ENDS)
def test_what_was_answered_once_is_not_answered_again(
    caller: APIClient, ends: Callable[[], object]
) -> None:
    headers = {"Idempotency-Key": "k-1"}
    assert caller.post(RIDES, RIDE, format="json", headers=headers).status_code == 201
    ends()

    assert caller.post(RIDES, RIDE, format="json", headers=headers).status_code == 401


def test_nor_is_it_said_that_a_ride_is_completed(caller: APIClient) -> None:
    assert caller.post(RIDES, {**RIDE, "ride": "r-1"}, format="json").status_code == 201
    revoke()

    assert caller.post(RIDES, {**RIDE, "ride": "r-1"}, format="json").status_code == 401


@pytest.mark.parametrize("path", BODIES)
def test_another_role_is_what_holds(caller: APIClient, path: str) -> None:
    User.objects.update(role="unicorn" if "prebooking" in path else "customer")

    assert caller.post(path, BODIES[path](), format="json").status_code == 403
    assert caller.post(path, {}, format="json").status_code == 403
    assert stored() == (0, 0)


@pytest.mark.parametrize("path", BODIES)
def test_who_may_at_last_may(caller: APIClient, said: list[str], path: str) -> None:
    """Given a caller who was remembered as one who may not."""
    User.objects.update(role="unicorn" if "prebooking" in path else "customer")
    assert caller.post(path, BODIES[path](), format="json").status_code == 403
    User.objects.update(role="staff")
    said.clear()

    assert caller.post(path, BODIES[path](), format="json").status_code in (201, 202)
    assert said == ["look up"]


@pytest.mark.parametrize("ends", ENDS)
@pytest.mark.parametrize("path", BODIES)
def test_whose_token_has_ended_is_not_told_that_they_may_not(
    caller: APIClient, path: str, ends: Callable[[], object]
) -> None:
    User.objects.update(role="unicorn" if "prebooking" in path else "customer")
    assert caller.post(path, BODIES[path](), format="json").status_code == 403
    ends()

    assert caller.post(path, BODIES[path](), format="json").status_code == 401


def test_nor_that_they_call_too_often(caller: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "current", lambda: rates.parse("staff=1/3600"))
    assert caller.post(PREBOOKINGS, wanted(), format="json").status_code == 202
    assert caller.post(PREBOOKINGS, wanted(), format="json").status_code == 429
    revoke()

    assert caller.post(PREBOOKINGS, wanted(), format="json").status_code == 401


def test_nor_how_often_they_might(caller: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "current", lambda: rates.parse("staff=10/3600"))
    revoke()

    answer = caller.post(PREBOOKINGS, wanted(), format="json")

    assert answer.status_code == 401
    assert not [name for name in answer.headers if name.startswith("RateLimit")]


def test_who_has_changed_has_called_once(
    caller: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "current", lambda: rates.parse("staff=1/3600"))
    User.objects.update(fleet="south")

    assert caller.post(PREBOOKINGS, wanted(), format="json").status_code == 202
    assert caller.post(PREBOOKINGS, wanted(), format="json").status_code == 429


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ("{", 400, "/problems/malformed"),
        ("x" * 300_000, 413, "/problems/too-large"),
        ("{}", 400, "/problems/validation"),
    ],
    ids=["malformed", "too large", "without fields"],
)
@pytest.mark.parametrize("path", [RIDES, BATCH, PREBOOKINGS])
def test_a_bad_body_is_as_bad_from_who_has_changed(
    caller: APIClient, path: str, body: str, status: int, kind: str
) -> None:
    User.objects.update(fleet="south")
    answer = caller.generic("POST", path, body, content_type="application/json")

    assert (answer.status_code, answer.json()["type"]) == (status, kind)


def test_what_may_be_committed_is_not_carried_out_again(
    caller: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a view that fails when it has committed, while its caller changes."""

    def change_and_fail(id: object) -> None:
        User.objects.update(fleet="south")
        raise RuntimeError("after the commit")

    monkeypatch.setattr(api, "_location", change_and_fail)
    with pytest.raises(RuntimeError, match="after the commit"):
        caller.post(RIDES, RIDE, format="json")

    assert [row.fleet for row in RideCompletion.objects.all()] == ["north"]


def test_not_even_where_it_is_refused_afterwards(
    caller: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_and_refuse(id: object) -> None:
        User.objects.update(fleet="south")
        raise PermissionDenied

    monkeypatch.setattr(api, "_location", change_and_refuse)

    assert caller.post(RIDES, RIDE, format="json").status_code == 403
    assert [row.fleet for row in RideCompletion.objects.all()] == ["north"]


def test_who_called_too_often_as_another_is_counted_as_who_they_are(
    caller: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "current", lambda: rates.parse("staff=1/3600,customer=1/3600"))
    statuses = [caller.post(PREBOOKINGS, wanted(), format="json").status_code for _ in range(2)]
    User.objects.update(role="customer", customer="cmr")
    statuses += [caller.post(PREBOOKINGS, wanted(), format="json").status_code for _ in range(2)]

    assert statuses == [202, 429, 202, 429]


def test_without_a_database_nobody_is_looked_up(
    caller: APIClient, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a server that is gone when the transaction is to be committed."""

    def away(*given: object) -> None:
        raise psycopg.OperationalError("the server is away")

    monkeypatch.setattr(DatabaseWrapper, "_send", away)
    answer = caller.post(RIDES, RIDE, format="json")

    assert answer.status_code == 503
    assert said == ["confirm"]


def test_the_databases_clock_says_when_a_token_ends(caller: APIClient) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=30)):
        assert caller.get(RIDES).status_code == 200
        assert caller.post(RIDES, RIDE, format="json").status_code == 201


def test_another_fleet_is_what_is_stored(caller: APIClient, said: list[str]) -> None:
    User.objects.update(fleet="south")

    for _ in range(2):
        assert caller.post(RIDES, RIDE, format="json").status_code == 201
    assert {row.fleet for row in RideCompletion.objects.all()} == {"south"}
    assert stored() == (2, 2)
    assert said == ["confirm", "look up", "confirm"]


def test_another_customer_is_who_may_prebook(caller: APIClient) -> None:
    User.objects.update(role="customer", customer="cmr")
    assert caller.post(PREBOOKINGS, wanted(), format="json").status_code == 202
    User.objects.update(customer="other")

    assert caller.post(PREBOOKINGS, wanted(), format="json").status_code == 403
    body = wanted(customer="other")
    assert caller.post(PREBOOKINGS, body, format="json").status_code == 202


def test_a_token_that_was_renewed_holds(caller: APIClient) -> None:
    expire()
    assert caller.post(RIDES, RIDE, format="json").status_code == 401
    AuthToken.objects.update(expiry=timezone.now() + timedelta(hours=1))

    assert caller.post(RIDES, RIDE, format="json").status_code == 201


def test_who_was_away_for_a_moment_only_is_carried_out(
    caller: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = authentication._look_up

    def return_and_look_up(digest: str) -> Any:
        User.objects.update(is_active=True)
        return look_up(digest)

    deactivate()
    monkeypatch.setattr(authentication, "_look_up", return_and_look_up)

    assert caller.post(RIDES, RIDE, format="json").status_code == 201
    assert stored() == (1, 1)


def test_a_ride_that_is_taken_is_refused_as_ever(caller: APIClient) -> None:
    taken = {**RIDE, "ride": "r-1"}
    first, second = (caller.post(RIDES, taken, format="json") for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 409)
    assert stored() == (1, 1)


def test_no_more_are_remembered_than_is_said() -> None:
    memory = Memory(most=2)
    for digest in "abc":
        memory.keep(digest, (digest,))
    memory.keep("b", ("anew",))
    memory.keep("d", ("d",))

    assert [memory.recall(digest) for digest in "abcd"] == [None, ("anew",), None, ("d",)]
