"""The admin's dead letters: seen, redriven, edited and discarded by those who may."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from wildrydes.models import DeadLetter, OperatorAction, Receipt, Redrive, new_id

LETTERS = "admin:wildrydes_deadletter_changelist"
SUBSCRIPTION = "customer_loyalty.award_points"

pytestmark = pytest.mark.django_db


def bury(count: int, *, subscription: str = SUBSCRIPTION) -> list[DeadLetter]:
    """Put dead letters into the database, as the consumer leaves them."""
    Receipt.objects.bulk_create(_letter(subscription) for _ in range(count))
    return list(DeadLetter.objects.order_by("id"))


def _letter(subscription: str) -> Receipt:
    message_id = new_id()
    event = {
        "specversion": "1.0",
        "id": str(message_id),
        "type": "v1.ride.completed",
        "source": "//tests",
        "time": "2026-03-01T12:00:00+00:00",
        "kind": "event",
        "correlationid": f"story-{message_id}",
        "data": {"fare": 1},
    }
    return Receipt(
        subscription=subscription,
        message_id=message_id,
        message_type="v1.ride.completed",
        status="dead",
        attempts=8,
        error="failed 8 times, the last with ValueError: <no> fare",
        traceback='Traceback (most recent call last):\n  File "x.py"\nValueError: <no> fare\n',
        message=event,
    )


def operator(*codenames: str) -> Client:
    """Return the browser of a member of staff with these permissions only."""
    user = get_user_model().objects.create(
        username=f"operator-{new_id()}", role="staff", is_staff=True
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert user.user_permissions.count() == len(codenames)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def boss() -> Client:
    """Return the browser of somebody who may do everything."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser(username="boss"))
    return client


def act(client: Client, action: str, letters: list[DeadLetter], **more: Any) -> HttpResponse:
    """Choose an action in the list, as the browser does."""
    data = {"action": action, "index": "0", "_selected_action": [str(x.pk) for x in letters]}
    response: HttpResponse = client.post(reverse(LETTERS), {**data, **more})
    return response


def page(letter: DeadLetter) -> str:
    return reverse("admin:wildrydes_deadletter_change", args=[letter.pk])


def test_the_list_shows_dead_letters_only_and_finds_them(boss: Client) -> None:
    first, _ = bury(2)
    Receipt.objects.create(subscription=SUBSCRIPTION, message_id=new_id(), message_type="x")

    def found(**query: Any) -> int:
        changes = boss.get(reverse(LETTERS), query).context["cl"]
        count: int = changes.result_count
        return count

    assert found() == 2
    assert found(q=str(first.message_id)) == 1
    assert found(q=f" story-{first.message_id} ") == 1
    assert found(q="story") == 0
    assert found(subscription=SUBSCRIPTION) == 2
    assert found(subscription="customer_accounting.record_fare") == 0


def test_error_and_traceback_can_be_read(boss: Client) -> None:
    (letter,) = bury(1)
    text = boss.get(page(letter)).content.decode()
    assert "ValueError: &lt;no&gt; fare" in text
    assert "<pre" in text
    assert "Traceback (most recent call last):" in text
    assert str(letter.message_id) in text


def test_letters_are_redriven_from_the_list(boss: Client) -> None:
    letters = bury(3)
    act(boss, "redrive", letters[:2])
    assert Receipt.objects.filter(status="retrying").count() == 2
    assert set(OperatorAction.objects.values_list("by", "action")) == {("boss", "redrive")}


def test_all_of_five_hundred_letters_take_as_many_statements_as_all_of_sixty(boss: Client) -> None:
    def statements(count: int) -> int:
        letters = bury(count)
        with CaptureQueriesContext(connection) as captured:
            act(boss, "redrive", letters[:50], select_across="1")
        assert not DeadLetter.objects.exists()
        return len(captured)

    assert statements(60) == statements(500)
    assert Receipt.objects.filter(status="retrying").count() == 560


def test_a_canary_redrive_asks_for_the_rate_and_then_starts(boss: Client) -> None:
    letters = bury(60)
    asked = act(boss, "redrive_canary", letters[:50], select_across="1")
    assert asked.status_code == 200
    assert "Canary redrive of 60 dead letters" in asked.content.decode()
    assert not Redrive.objects.exists()

    again = {**hidden(asked), "rate": "25"}
    started = boss.post(reverse(LETTERS), again)
    redrive = Redrive.objects.get()
    assert started["Location"] == reverse("admin:wildrydes_redrive_change", args=[redrive.pk])
    assert (redrive.size, redrive.rate, redrive.started_by) == (60, 25.0, "boss")


def hidden(response: HttpResponse) -> dict[str, Any]:
    """Return what the question's form sends back besides what the person types."""
    context = response.context  # type: ignore[attr-defined]
    names = ("action", "asked_at", "select_across")
    return {
        **{name: context[name] for name in names},
        "index": "0",
        "confirmed": "yes",
        "_selected_action": context["selected"],
    }


def test_a_rate_that_makes_no_sense_is_asked_for_again(boss: Client) -> None:
    letters = bury(1)
    asked = act(boss, "redrive_canary", letters)
    again = boss.post(reverse(LETTERS), {**hidden(asked), "rate": "0"})
    assert again.status_code == 200
    assert "greater than or equal" in again.content.decode()
    assert not Redrive.objects.exists()


def test_a_discard_asks_why_and_leaves_what_died_since(boss: Client) -> None:
    letters = bury(3)
    asked = act(boss, "discard", letters, select_across="1")
    assert asked.status_code == 200
    Receipt.objects.filter(id=letters[2].pk).update(
        last_failed_at=F("received_at") + timedelta(hours=1)
    )
    assert boss.post(reverse(LETTERS), {**hidden(asked), "reason": ""}).status_code == 200
    assert DeadLetter.objects.count() == 3

    boss.post(reverse(LETTERS), {**hidden(asked), "reason": "a test order"})
    (left,) = DeadLetter.objects.all()
    assert left.pk == letters[2].pk
    error = Receipt.objects.get(id=letters[0].pk).error
    assert error.startswith("discarded by boss: a test order\n")


def edit(client: Client, letter: DeadLetter, **changes: Any) -> HttpResponse:
    message = {**(letter.message or {}), **changes}
    response: HttpResponse = client.post(page(letter), {"message": json.dumps(message)})
    return response


def test_a_message_is_edited_and_the_original_kept(boss: Client) -> None:
    (letter,) = bury(1)
    assert edit(boss, letter, data={"fare": 2}).status_code == 302
    now = DeadLetter.objects.get()
    assert now.message is not None
    assert now.message["data"] == {"fare": 2}
    assert now.original_message == letter.message
    assert now.error == letter.error
    assert OperatorAction.objects.get().action == "edit"
    text = boss.get(page(letter)).content.decode()
    assert "As it arrived" in text
    assert "&quot;fare&quot;: 1" in text


def test_an_edit_that_changes_nothing_leaves_no_trace(boss: Client) -> None:
    (letter,) = bury(1)
    assert edit(boss, letter).status_code == 302
    assert DeadLetter.objects.get().original_message is None
    assert not OperatorAction.objects.exists()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": str(UUID(int=1))}, "has to stay"),
        ({"type": "v9.no.such"}, "does not take messages of type v9.no.such"),
        ({"data": []}, "must be an object"),
    ],
)
def test_an_edit_that_is_refused_says_why(boss: Client, changes: dict[str, Any], why: str) -> None:
    (letter,) = bury(1)
    response = edit(boss, letter, **changes)
    assert response.status_code == 200
    assert why in response.content.decode()
    assert DeadLetter.objects.get().message == letter.message


def test_each_thing_to_do_has_a_permission_of_its_own() -> None:
    (letter,) = bury(1)
    viewer = operator("view_deadletter")
    assert viewer.get(page(letter)).status_code == 200
    assert edit(viewer, letter, data={}).status_code == 403
    act(viewer, "redrive", [letter])
    act(viewer, "discard", [letter], confirmed="yes", reason="x")
    assert DeadLetter.objects.get().message == letter.message

    offered = {
        codename: set(dict(_actions(operator("view_deadletter", codename))))
        for codename in ("redrive_dead_letter", "discard_dead_letter", "edit_dead_letter")
    }
    assert offered == {
        "redrive_dead_letter": {"redrive", "redrive_canary"},
        "discard_dead_letter": {"discard"},
        "edit_dead_letter": set(),
    }
    assert edit(operator("view_deadletter", "edit_dead_letter"), letter, data={}).status_code == 302


def _actions(client: Client) -> list[tuple[str, str]]:
    form = client.get(reverse(LETTERS)).context["action_form"]
    return [choice for choice in form.fields["action"].choices if choice[0]] if form else []


def test_a_letter_can_be_neither_added_nor_deleted(boss: Client) -> None:
    (letter,) = bury(1)
    delete = reverse("admin:wildrydes_deadletter_delete", args=[letter.pk])
    assert boss.post(delete, {"post": "yes"}).status_code == 403
    assert boss.get(reverse("admin:wildrydes_deadletter_add")).status_code == 403


def test_a_redrive_is_paused_resumed_and_cancelled_with_its_buttons(boss: Client) -> None:
    act(boss, "redrive_canary", bury(12), confirmed="yes", rate="5")
    redrive = Redrive.objects.get()
    shown = reverse("admin:wildrydes_redrive_change", args=[redrive.pk])

    def press(name: str, client: Client = boss) -> int:
        url = reverse("admin:wildrydes_redrive_move", args=[redrive.pk, name])
        status = client.post(url).status_code
        redrive.refresh_from_db()
        return status

    assert "12 not sent" in boss.get(shown).content.decode()
    for name, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert f"/{name}" in boss.get(shown).content.decode()
        assert press(name) == 302
        assert redrive.state == state
    assert press("resume") == 302
    assert redrive.state == "cancelled"
    assert "cannot resume it" in boss.get(shown).content.decode()
    assert press("resume", operator("view_redrive")) == 403
    assert press("explode") == 405
    move = reverse("admin:wildrydes_redrive_move", args=[redrive.pk, "cancel"])
    assert boss.get(move).status_code == 405


def test_a_redrive_shows_what_failed_again(boss: Client) -> None:
    letters = bury(30)
    act(boss, "redrive_canary", letters, confirmed="yes", rate="5")
    redrive = Redrive.objects.get()
    redrive.items.update(outcome="failed", error="still <no> fare")
    Redrive.objects.update(failed=30, state="halted", reason="1 of 1 failed again")
    text = boss.get(reverse("admin:wildrydes_redrive_change", args=[redrive.pk])).content.decode()
    assert text.count("still &lt;no&gt; fare") == 20
    assert "and 10 more" in text
    listed = boss.get(reverse("admin:wildrydes_redrive_changelist"))
    assert "30 of 30" in listed.content.decode()


@pytest.mark.parametrize("model", ["redrive", "operatoraction"])
def test_redrives_and_the_record_can_only_be_looked_at(boss: Client, model: str) -> None:
    act(boss, "redrive_canary", bury(1), confirmed="yes", rate="5")
    key = {"redrive": Redrive, "operatoraction": OperatorAction}[model].objects.get().pk
    assert boss.get(reverse(f"admin:wildrydes_{model}_changelist")).status_code == 200
    assert boss.get(reverse(f"admin:wildrydes_{model}_change", args=[key])).status_code == 200
    assert boss.post(reverse(f"admin:wildrydes_{model}_change", args=[key]), {}).status_code == 403
    delete = reverse(f"admin:wildrydes_{model}_delete", args=[key])
    assert boss.post(delete, {"post": "yes"}).status_code == 403
    assert boss.get(reverse(f"admin:wildrydes_{model}_add")).status_code == 403
