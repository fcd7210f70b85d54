"""What is sent again with the same key is carried out once, and answered as the first time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from apps.identity.models import User
from apps.unicorn_management import api, operations
from apps.unicorn_management.models import RideCompletion
from config.embedded.postgres import EmbeddedPostgres
from config.env import PROJECT_ROOT
from tests.integration.apps.conftest import client_of
from tests.integration.apps.unicorn_management.conftest import RIDE
from wildrydes import first_answers
from wildrydes.crashpoints import EXIT_STATUS
from wildrydes.models import IdempotencyKey, Message

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/ride-completions"
ALIAS = "/submit-ride-completion"
BATCH = f"{URL}/batch"
KEY = "Idempotency-Key"


def post(client: APIClient, body: Any = RIDE, *, key: str = "k-1", url: str = URL) -> Any:
    return client.post(url, body, format="json", headers={KEY: key})


def stored() -> tuple[int, int]:
    """Return how many rides, and how many messages, there are."""
    return RideCompletion.objects.count(), Message.objects.count()


def was_replayed(answer: Any) -> bool:
    return bool(answer.get("Idempotency-Replayed") == "true")


def let_the_window_pass() -> None:
    """Pretend that every key was sent two days earlier."""
    IdempotencyKey.objects.update(expires_at=F("expires_at") - timedelta(days=2))


def test_the_first_answer_is_given_again(as_unicorn: APIClient) -> None:
    first, second = post(as_unicorn), post(as_unicorn)

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert second["Location"] == first["Location"] == f"{URL}/{first.json()['id']}"
    assert second["Content-Type"] == first["Content-Type"] == "application/json"
    assert (was_replayed(first), was_replayed(second)) == (False, True)
    assert stored() == (1, 1)


def test_without_a_key_each_is_a_ride_of_its_own(as_unicorn: APIClient) -> None:
    for _ in range(2):
        assert as_unicorn.post(URL, RIDE, format="json").status_code == 201
    assert stored() == (2, 2)
    assert not IdempotencyKey.objects.exists()


def test_another_key_another_caller_and_another_operation_are_other_requests(
    as_unicorn: APIClient, as_staff: APIClient
) -> None:
    answers = [
        post(as_unicorn),
        post(as_unicorn, key="k-2"),
        post(as_staff),
        post(as_unicorn, {"items": [RIDE]}, url=BATCH),
    ]
    assert [(item.status_code, was_replayed(item)) for item in answers] == [(201, False)] * 4
    assert stored() == (4, 4)


def test_both_names_of_an_operation_are_one(as_unicorn: APIClient) -> None:
    first, second = post(as_unicorn), post(as_unicorn, url=ALIAS)
    assert was_replayed(second)
    assert second.content == first.content
    assert stored() == (1, 1)


def test_a_key_is_refused_for_another_body(as_unicorn: APIClient) -> None:
    first = post(as_unicorn)
    other = post(as_unicorn, {**RIDE, "fare": 1})

    assert other.status_code == 422
    assert other["Content-Type"] == "application/problem+json"
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert [error["field"] for error in other.json()["errors"]] == [KEY]
    assert stored() == (1, 1)
    assert post(as_unicorn).content == first.content


def test_the_same_body_written_otherwise_is_the_same(as_unicorn: APIClient) -> None:
    post(as_unicorn)
    turned = json.dumps(dict(reversed(RIDE.items())), indent=4).replace("420", "420.0")
    again = as_unicorn.post(
        URL, turned.encode(), content_type="application/json", headers={KEY: "k-1"}
    )
    assert was_replayed(again)


def test_a_number_is_not_the_text_that_shows_it(as_unicorn: APIClient) -> None:
    post(as_unicorn, {**RIDE, "duration": 1.5})
    assert post(as_unicorn, {**RIDE, "duration": "1.5"}).status_code == 422


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "clé", "\x7f"])
def test_a_malformed_key_is_refused_by_name(as_unicorn: APIClient, key: str) -> None:
    answer = post(as_unicorn, key=key)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [KEY]
    assert stored() == (0, 0)


def test_the_longest_key_is_taken_and_none_is_written_down(as_unicorn: APIClient) -> None:
    key = "4242 4242 4242 4242 " * 10
    post(as_unicorn, key=key[:200].strip().ljust(200, "~"))
    row = IdempotencyKey.objects.get()
    assert "4242" not in row.body + row.location
    assert len(row.digest) == len(row.request) == 32


def test_what_was_refused_may_be_put_right_under_the_same_key(as_unicorn: APIClient) -> None:
    assert post(as_unicorn, {**RIDE, "fare": -1}).status_code == 400
    assert not IdempotencyKey.objects.exists()
    assert post(as_unicorn).status_code == 201


def test_who_may_not_gets_no_answer_of_others(as_unicorn: APIClient, as_customer: Any) -> None:
    post(as_unicorn)
    assert post(as_customer).status_code == 403
    assert post(APIClient()).status_code == 401


def test_a_conflict_is_the_answer_from_then_on(as_unicorn: APIClient) -> None:
    post(as_unicorn, {**RIDE, "ride": "r-7"})
    first = post(as_unicorn, {**RIDE, "ride": "r-7"}, key="k-2")
    assert (first.status_code, was_replayed(first)) == (409, False)
    RideCompletion.objects.all().delete()

    second = post(as_unicorn, {**RIDE, "ride": "r-7"}, key="k-2")

    assert (second.status_code, was_replayed(second)) == (409, True)
    assert (second.content, second["Content-Type"]) == (first.content, first["Content-Type"])


def test_a_batch_is_answered_again_with_its_ids_and_errors(as_unicorn: APIClient) -> None:
    body = {"items": [RIDE, {**RIDE, "fare": -1}, {**RIDE, "ride": "r-7"}]}
    first, second = (post(as_unicorn, body, url=BATCH) for _ in range(2))
    assert second.content == first.content
    assert "errors" in second.json()["results"][1]
    assert stored() == (2, 2)


def test_a_request_that_failed_has_left_nothing_and_frees_its_key(
    as_unicorn: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = operations.submit_ride_completion

    def submit_and_fail(**arguments: Any) -> Any:
        submit(**arguments)
        raise OperationalError("the server went away")

    with monkeypatch.context() as failing:
        failing.setattr(operations, "submit_ride_completion", submit_and_fail)
        assert post(as_unicorn).status_code == 503
    assert stored() == (0, 0)
    assert (post(as_unicorn).status_code, stored()) == (201, (1, 1))


def test_of_many_at_once_one_is_carried_out(as_unicorn: APIClient) -> None:
    unicorn, together = User.objects.get(), threading.Barrier(8)

    def submit(_: int) -> Any:
        client = APIClient()
        client.force_authenticate(unicorn)
        together.wait(timeout=10)
        try:
            return post(client)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        answers = list(pool.map(submit, range(8)))

    first = post(as_unicorn)
    assert stored() == (1, 1)
    for answer in answers:
        if answer.status_code == 201:
            assert answer.content == first.content
        else:
            assert (answer.status_code, answer["Retry-After"]) == (409, "1")
            assert answer.json()["type"] == "/problems/request-under-way"
    assert [item.status_code for item in answers if not was_replayed(item)].count(201) == 1


def test_while_the_first_is_under_way_the_second_is_told_so_and_does_not_wait(
    as_unicorn: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    submit = operations.submit_ride_completion

    def submit_slowly(**arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(timeout=30)
        return submit(**arguments)

    monkeypatch.setattr(operations, "submit_ride_completion", submit_slowly)
    first: list[Any] = []

    def submit_first() -> None:
        first.append(post(as_unicorn))
        connection.close()

    thread = threading.Thread(target=submit_first)
    thread.start()
    assert begun.wait(timeout=30)
    second = post(client_of_the_same_unicorn())
    go_on.set()
    thread.join(timeout=30)

    assert (second.status_code, second["Retry-After"]) == (409, "1")
    assert second.json()["type"] == "/problems/request-under-way"
    third = post(as_unicorn)
    assert was_replayed(third)
    assert (third.content, stored()) == (first[0].content, (1, 1))


def client_of_the_same_unicorn() -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.get(username="unicorn"))
    return client


Die = Callable[[str], int]


@pytest.fixture
def die_at(postgres: EmbeddedPostgres, tmp_path: Path) -> Die:
    """Return what submits the reference ride in a process that dies at a crash point."""
    client_of(role="unicorn", fleet="north")

    def run(point: str) -> int:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
            "DATABASE_URL": postgres.database_url(str(connection.settings_dict["NAME"])),
            "WILDRYDES_STATE_DIR": str(tmp_path),
            "WILDRYDES_CRASH_AT": point,
        }
        module = "tests.integration.apps.keyed_request"
        command = [sys.executable, "-m", module, "k-1", json.dumps(RIDE)]
        return subprocess.run(command, env=environment, cwd=PROJECT_ROOT, timeout=60).returncode

    return run


@pytest.mark.parametrize("point", ["publish.stored", "answer.keeping", "answer.kept"])
def test_a_crash_before_the_commit_leaves_neither_effect_nor_answer(
    die_at: Die, point: str
) -> None:
    assert die_at(point) == EXIT_STATUS
    assert stored() == (0, 0)
    assert not IdempotencyKey.objects.exists()

    answer = post(client_of_the_same_unicorn())

    assert (answer.status_code, was_replayed(answer), stored()) == (201, False, (1, 1))


def test_a_crash_after_the_commit_leaves_both(die_at: Die) -> None:
    assert die_at("publish.committed") == EXIT_STATUS
    assert stored() == (1, 1)

    answer = post(client_of_the_same_unicorn())

    assert (answer.status_code, was_replayed(answer), stored()) == (201, True, (1, 1))
    assert answer.json()["id"] == str(RideCompletion.objects.get().id)


def test_after_the_window_a_key_is_free_again_also_while_it_is_not_purged(
    as_unicorn: APIClient,
) -> None:
    before = timezone.now()
    first = post(as_unicorn)
    ends = IdempotencyKey.objects.get().expires_at
    assert timedelta(hours=24) <= ends - before < timedelta(hours=24, minutes=1)
    let_the_window_pass()
    second, third = post(as_unicorn), post(as_unicorn)
    assert second.json()["id"] != first.json()["id"]
    assert third.content == second.content
    assert (was_replayed(second), was_replayed(third)) == (False, True)


def test_what_is_out_of_date_is_purged_and_the_rest_is_kept(as_unicorn: APIClient) -> None:
    for number in range(3):
        post(as_unicorn, key=f"old-{number}")
    let_the_window_pass()
    post(as_unicorn, key="new")
    assert first_answers.purge(limit=2) == 2
    assert first_answers.purge() == 1
    assert was_replayed(post(as_unicorn, key="new"))


def test_no_key_costs_no_statement(as_unicorn: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    as_unicorn.post(URL, RIDE, format="json")
    with CaptureQueriesContext(connection) as with_support:
        as_unicorn.post(URL, RIDE, format="json")
    bare = api.RideCompletionsView.post.__wrapped__  # type: ignore[attr-defined]
    monkeypatch.setattr(api.RideCompletionsView, "post", bare)
    with CaptureQueriesContext(connection) as without:
        as_unicorn.post(URL, RIDE, format="json")
    assert len(with_support) == len(without) > 0


def test_every_operation_that_creates_something_takes_a_key() -> None:
    document = APIClient().get("/api/schema").json()
    posts = {
        path: methods["post"] for path, methods in document["paths"].items() if "post" in methods
    }
    creating = {
        path: post for path, post in posts.items() if {"201", "202"} & set(post["responses"])
    }
    assert {"/submit-instant-ride-rfq", URL, BATCH} <= set(creating)
    for path, operation in creating.items():
        headers = [item["name"] for item in operation.get("parameters", [])]
        assert KEY in headers, path
        assert {"400", "409", "422"} <= set(operation["responses"]), path
