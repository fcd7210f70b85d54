"""The demo accounts always work, however often and by how many they are seeded."""

from __future__ import annotations

import io
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken
from pytest_django import Settings

from apps.identity.models import User
from wildrydes.models import Message


def seeded() -> dict[str, Any]:
    output = io.StringIO()
    call_command("seed_demo", "--json", stdout=output)
    content: dict[str, Any] = json.loads(output.getvalue())
    return content


def works(token: str) -> bool:
    answer = Client().get("/api/v1/ride-completions", headers={"Authorization": f"Token {token}"})
    return answer.status_code == 200


def tokens(content: dict[str, Any]) -> list[str]:
    return [account["token"] for group in content.values() for account in group]


@pytest.mark.django_db
def test_the_accounts_are_those_that_are_promised() -> None:
    content = seeded()

    assert set(content) == {"customers", "unicorns", "staff"}
    customers = [(item["username"], item["customer"]) for item in content["customers"]]
    assert customers == [
        ("cmr", "cmr"),
        ("thandi", "thandi"),
        ("pieter", "pieter"),
        ("cmr-declined", "cmr-declined"),
        ("cmr-capture", "cmr-capture"),
        ("cmr-closed", "cmr-closed"),
        ("cmr-refund", "cmr-refund"),
    ]
    unicorns = [(item["username"], item["fleet"]) for item in content["unicorns"]]
    assert unicorns == [("rarity", "cape-town"), ("shadowfax", "winelands")]
    assert [set(item) for group in content.values() for item in group] == [
        *([{"username", "customer", "token"}] * 7),
        *([{"username", "fleet", "token"}] * 2),
        {"username", "password", "token"},
    ]
    assert User.objects.get(username="cmr").email == "cmr@wildrydes.example"


@pytest.mark.django_db
def test_every_token_works() -> None:
    assert all(works(token) for token in tokens(seeded()))


@pytest.mark.django_db
def test_the_operator_gets_into_the_admin() -> None:
    (operator,) = seeded()["staff"]
    browser = Client()

    assert browser.login(username=operator["username"], password=operator["password"])
    assert browser.get("/admin/").status_code == 200


@pytest.mark.django_db
def test_seeding_again_changes_nothing_and_prints_the_same() -> None:
    first = seeded()
    before = list(User.objects.order_by("id").values()), list(AuthToken.objects.values())
    messages = Message.objects.count()

    assert seeded() == first
    after = list(User.objects.order_by("id").values()), list(AuthToken.objects.values())
    assert after == before
    assert Message.objects.count() == messages == 7


@pytest.mark.django_db
def test_only_hashes_are_stored() -> None:
    content = seeded()
    stored = json.dumps([*User.objects.values(), *AuthToken.objects.values()], default=str)

    secrets = [*tokens(content), content["staff"][0]["password"]]
    assert not any(secret in stored for secret in secrets)


@pytest.mark.django_db
@pytest.mark.parametrize("left", [timedelta(seconds=-1), timedelta(hours=1)])
def test_a_token_that_has_expired_or_soon_will_is_renewed(left: timedelta) -> None:
    content = seeded()
    AuthToken.objects.update(expiry=timezone.now() + left)

    assert seeded() == content
    assert AuthToken.objects.filter(expiry__gt=timezone.now() + timedelta(days=1)).count() == 10
    assert all(works(token) for token in tokens(content))


@pytest.mark.django_db
def test_what_was_changed_by_hand_is_put_right() -> None:
    content = seeded()
    operator = User.objects.get(username="operator")
    operator.set_password("forgotten")
    operator.is_active = False
    operator.save()
    AuthToken.objects.filter(user__username="cmr").delete()

    assert seeded() == content
    assert all(works(token) for token in tokens(content))
    assert Client().login(username="operator", password=content["staff"][0]["password"])


@pytest.mark.django_db
def test_another_secret_key_makes_others_of_them(settings: Settings) -> None:
    old = tokens(seeded())
    settings.SECRET_KEY = "another"
    new = tokens(seeded())

    assert not set(old) & set(new)
    assert all(works(token) for token in new)
    assert not any(works(token) for token in old)


@pytest.mark.django_db
def test_without_json_it_is_a_list_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed_demo")

    assert "cmr" in capsys.readouterr().out


@pytest.mark.django_db
def test_it_refuses_where_demo_accounts_are_off(settings: Settings) -> None:
    settings.DEMO_ACCOUNTS = False

    with pytest.raises(CommandError, match="DEMO_ACCOUNTS"):
        seeded()
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_may_seed_at_once() -> None:
    found: list[dict[str, Any]] = []

    def seed() -> None:
        try:
            found.append(seeded())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=seed) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [seeded()] * 3
    assert User.objects.count() == AuthToken.objects.count() == 10
    assert Message.objects.count() == 7
