"""A token says who is calling until it expires or is given back; nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from apps.identity import operations
from apps.identity.authentication import OF_TOKEN, OF_USER, TokenAuthentication
from apps.identity.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("wire")]

TOKEN = "/api/v1/auth/token"
LOGOUT = "/api/v1/auth/logout"
ANYTHING = "/api/v1/ride-completions"

CREDENTIALS = {"username": "rarity", "password": "correct horse"}


@pytest.fixture
def unicorn() -> User:
    return operations.register_unicorn(
        username="rarity", password="correct horse", fleet="cape-town"
    )


def post(body: Any, **headers: str) -> Any:
    return APIClient().post(TOKEN, body, format="json", headers=headers)


def call(authorization: str | None) -> int:
    headers = {"Authorization": authorization} if authorization is not None else {}
    answer = Client().get(ANYTHING, headers=headers)
    if answer.status_code == 401:
        assert answer["WWW-Authenticate"] == "Token"
        assert answer.json()["type"] == "/problems/not-authenticated"
    return int(answer.status_code)


def test_credentials_are_exchanged_for_a_token_that_works(unicorn: User) -> None:
    before = timezone.now()
    answer = post(CREDENTIALS)

    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "expires_at"}
    assert answer.json()["expires_at"].endswith("Z")
    assert AuthToken.objects.get().expiry >= before + timedelta(days=7)
    assert call(f"Token {answer.json()['token']}") == 200


def test_only_a_digest_of_the_token_is_stored(unicorn: User) -> None:
    token = post(CREDENTIALS).json()["token"]
    row = AuthToken.objects.get()

    assert token not in (row.digest, row.token_key)
    assert len(row.token_key) < len(token) / 2


@pytest.mark.parametrize("prefix", ["Token", "token", "TOKEN"])
def test_the_prefix_is_read_in_any_case(unicorn: User, prefix: str) -> None:
    assert call(f"{prefix} {post(CREDENTIALS).json()['token']}") == 200


def test_wrong_credentials_are_the_same_answer_whether_the_user_exists(unicorn: User) -> None:
    wrong_password = post({**CREDENTIALS, "password": "wrong"})
    wrong_username = post({**CREDENTIALS, "username": "nobody"})

    assert wrong_password.status_code == wrong_username.status_code == 401
    assert wrong_password.json() == wrong_username.json()
    assert wrong_password.json()["type"] == "/problems/wrong-credentials"
    assert wrong_password["WWW-Authenticate"] == "Token"
    assert not AuthToken.objects.exists()


def test_someone_who_is_not_active_gets_the_same_answer(unicorn: User) -> None:
    User.objects.update(is_active=False)

    assert post(CREDENTIALS).json()["type"] == "/problems/wrong-credentials"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"username", "password"}),
        ({"username": "rarity"}, {"password"}),
        ({**CREDENTIALS, "username": 1}, {"username"}),
        ({**CREDENTIALS, "username": "a\0b"}, {"username"}),
        ({**CREDENTIALS, "username": " "}, {"username"}),
        ({**CREDENTIALS, "password": ["x"]}, {"password"}),
        ({**CREDENTIALS, "password": "x" * 201}, {"password"}),
        ({**CREDENTIALS, "otp": "1"}, {"otp"}),
    ],
    ids=lambda value: str(sorted(value)),
)
def test_bad_fields_are_named(unicorn: User, body: Any, fields: set[str]) -> None:
    answer = post(body)

    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == fields


def test_a_token_in_the_header_does_not_matter_when_logging_in(unicorn: User) -> None:
    assert post(CREDENTIALS, Authorization="Token garbage").status_code == 200


def test_too_many_attempts_are_429_and_say_when_to_come_back(unicorn: User) -> None:
    answers = [post({**CREDENTIALS, "password": "wrong"}) for _ in range(61)]

    assert {answer.status_code for answer in answers[:60]} == {401}
    assert answers[60].status_code == 429
    assert answers[60].json()["type"] == "/problems/throttled"
    assert 1 <= int(answers[60]["Retry-After"]) <= 60


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Token",
        "Token ",
        "Token a b",
        "Token garbage",
        "Token " + "0" * 64,
        "Token " + "x" * 10_000,
        "Token \u00e9\u00ff",
        "Bearer 0000",
        "Basic cmFyaXR5Og==",
        "garbage",
    ],
)
def test_what_is_no_token_of_ours_is_401(unicorn: User, authorization: str | None) -> None:
    assert call(authorization) == 401


@pytest.mark.parametrize(
    "form", ["Token\u0085{}", "Token\u00a0{}", "Token {}\u00a0", "Token\x1c{}"]
)
def test_what_is_no_space_of_http_separates_nothing(unicorn: User, form: str) -> None:
    assert call(form.format(post(CREDENTIALS).json()["token"])) == 401


@pytest.mark.parametrize("form", [" Token {}", "Token   {} ", "token\t{}"])
def test_spaces_do_not_matter(unicorn: User, form: str) -> None:
    assert call(form.format(post(CREDENTIALS).json()["token"])) == 200


def test_the_stored_token_is_loaded_by_who_asks_for_it(
    unicorn: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = post(CREDENTIALS).json()["token"]
    load, loaded = AuthToken.from_db.__func__, list[str]()

    def noting(cls: type[AuthToken], *row: Any) -> AuthToken:
        loaded.append("token")
        return load(cls, *row)

    monkeypatch.setattr(AuthToken, "from_db", classmethod(noting))
    assert call(f"Token {token}") == 200
    assert loaded == []
    assert APIClient().post(LOGOUT, headers={"Authorization": f"Token {token}"}).status_code == 204
    assert "token" in loaded


def test_what_is_read_of_a_caller_is_what_is_stored(unicorn: User) -> None:
    issued = operations.issue_token(user=unicorn, now=timezone.now()).token
    user, token = TokenAuthentication().authenticate_credentials(issued.encode())

    for name in OF_USER:
        assert getattr(user, name) == getattr(unicorn, name), name
    stored = AuthToken.objects.get()
    for name in OF_TOKEN:
        assert getattr(token, name) == getattr(stored, name), name


def made_expired(user: User) -> None:
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))


def made_inactive(user: User) -> None:
    User.objects.update(is_active=False)


def made_to_vanish(user: User) -> None:
    user.delete()


@pytest.mark.parametrize("happens", [made_expired, made_inactive, made_to_vanish])
def test_a_token_stops_working(unicorn: User, happens: Callable[[User], None]) -> None:
    token = post(CREDENTIALS).json()["token"]
    happens(unicorn)

    assert call(f"Token {token}") == 401


def test_logging_out_ends_this_token_and_no_other(unicorn: User) -> None:
    one, other = (post(CREDENTIALS).json()["token"] for _ in range(2))
    answer = APIClient().post(LOGOUT, headers={"Authorization": f"Token {one}"})

    assert (answer.status_code, answer.content) == (204, b"")
    assert (call(f"Token {one}"), call(f"Token {other}")) == (401, 200)


@pytest.mark.parametrize(
    ("body", "status"), [(b'{"all": true}', 400), (b"{", 400), (b" " * 300_000, 413)]
)
def test_a_body_that_says_more_logs_nobody_out(unicorn: User, body: bytes, status: int) -> None:
    token = post(CREDENTIALS).json()["token"]
    headers = {"Authorization": f"Token {token}"}
    refused = APIClient().post(LOGOUT, body, content_type="application/json", headers=headers)

    assert (refused.status_code, call(f"Token {token}")) == (status, 200)


def test_logging_out_needs_a_token() -> None:
    assert APIClient().post(LOGOUT).status_code == 401


def test_expired_tokens_go_when_the_next_one_is_issued(unicorn: User) -> None:
    post(CREDENTIALS)
    made_expired(unicorn)
    post(CREDENTIALS)

    assert AuthToken.objects.count() == 1
