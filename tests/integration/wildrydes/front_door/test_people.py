"""Sessions and their protection are for people in the admin; programs show a token."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.identity.models import User

pytestmark = pytest.mark.django_db

API = "/api/v1/ride-completions"


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("operator", password="not-to-be-guessed")


def test_a_form_of_the_admin_without_its_token_is_refused(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    form = {"username": "operator", "password": "not-to-be-guessed"}
    assert client.post("/admin/login/", form).status_code == 403
    client.force_login(operator)
    assert client.post("/admin/logout/").status_code == 403


def test_who_is_logged_in_to_the_admin_sees_it(operator: User) -> None:
    client = Client()
    client.force_login(operator)
    assert client.get("/admin/").status_code == 200


def test_a_session_is_no_token(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert client.get(API).status_code == 401
    assert client.post(API, {}, content_type="application/json").status_code == 401


def test_answers_to_programs_have_the_headers_of_all_answers() -> None:
    answer = Client().get(API)
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Request-ID"]
    assert not answer.cookies
