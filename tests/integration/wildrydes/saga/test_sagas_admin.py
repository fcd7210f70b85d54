"""The admin's sagas: seen and drawn for those who may look, operated by those who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from wildrydes import saga
from wildrydes.models import Message, OperatorAction, Receipt, Saga, SagaEvent, new_id
from wildrydes.saga import definition

from .conftest import Sales

SAGAS = "admin:wildrydes_saga_changelist"


def browser(*codenames: str) -> Client:
    """Return the browser of a member of staff with these permissions only."""
    user = get_user_model().objects.create(
        username=f"staff-{new_id()}", role="staff", is_staff=True
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert user.user_permissions.count() == len(codenames)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def boss(transactional_db: None) -> Client:
    """Return the browser of somebody who may do everything."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser(username="boss"))
    return client


@pytest.fixture
def stuck(sales: Sales) -> UUID:
    """Return a saga whose goods cannot be shipped; the shipper is there again."""
    sales.answers["ship.do"] = saga.Answer("failed", reason="the road is <closed>")
    saga_id = sales.start()
    sales.run_until("stuck")
    del sales.answers["ship.do"]
    return saga_id


def page(client: Client, saga_id: UUID) -> str:
    response = client.get(reverse("admin:wildrydes_saga_change", args=[saga_id]))
    assert response.status_code == 200
    return response.content.decode()


def url(saga_id: UUID, action: str) -> str:
    return reverse("admin:wildrydes_saga_order", args=[saga_id, action])


def order(client: Client, saga_id: UUID, action: str, **given: Any) -> HttpResponse:
    response: HttpResponse = client.post(url(saga_id, action), given, follow=True)
    return response


def said(response: HttpResponse) -> list[str]:
    """Return what the page that follows tells the person."""
    return [str(item) for item in response.context["messages"]]  # type: ignore[attr-defined]


def buttons(client: Client, saga_id: UUID) -> set[str]:
    text = page(client, saga_id)
    return {name for name in saga_actions() if f'"{url(saga_id, name)}"' in text}


def saga_actions() -> tuple[str, ...]:
    return ("retry", "skip", "supply", "force_forward", "force_back", "cancel")


def test_sagas_are_found_by_key_and_id_and_chosen_by_definition_status_and_age(
    boss: Client, sales: Sales, stuck: UUID
) -> None:
    other = Saga.objects.create(id=new_id(), definition="another", version=1, key="k")

    def found(**query: str) -> list[UUID]:
        response = boss.get(reverse(SAGAS), query)
        assert response.status_code == 200
        return [item.pk for item in response.context["cl"].result_list]

    assert found() == [other.pk, stuck]
    assert found(q=" k ") == [other.pk, stuck]
    assert found(q=str(stuck)) == [stuck]
    assert found(q="nothing") == []
    assert found(definition="sale") == [stuck]
    assert found(status__exact="stuck") == [stuck]
    assert found(age="under-1h") == [other.pk, stuck]
    assert found(age="over-1h") == []
    assert found(age="nonsense") == [other.pk, stuck]


def test_age_is_told_by_the_id(boss: Client) -> None:
    for hours in (0, 2, 30):
        begun = timezone.now() - timedelta(hours=hours)
        made = UUID(int=(int(begun.timestamp() * 1000) << 80) | (uuid4().int >> 48))
        Saga.objects.create(id=made, definition="sale", version=1, key=f"{hours} hours")

    def keys(age: str) -> list[str]:
        response = boss.get(reverse(SAGAS), {"age": age})
        return [item.key for item in response.context["cl"].result_list]

    assert keys("under-1h") == ["0 hours"]
    assert keys("over-1h") == ["2 hours", "30 hours"]
    assert keys("under-1d") == ["0 hours", "2 hours"]
    assert keys("over-1d") == ["30 hours"]


def test_a_page_shows_the_picture_the_history_and_where_to_look_on(
    boss: Client, stuck: UUID
) -> None:
    text = page(boss, stuck)
    assert 'aria-label="sale is stuck: book completed; pay completed; ship stuck; mark not' in text
    assert "the road is &lt;closed&gt;" in text
    assert "<closed>" not in text
    first = SagaEvent.objects.get(saga_id=stuck, kind="scheduled", step="book")
    assert f'?q={first.message_id}">message</a>' in text
    dispatch = Receipt.objects.get(message_id=first.message_id).dispatch_id
    assert f'/task/{dispatch}">Flower</a>' in text
    assert "&quot;by&quot;: &quot;book.do&quot;" in text


def test_a_command_that_is_on_its_way_leads_to_its_dispatch(boss: Client, sales: Sales) -> None:
    saga_id = sales.start()
    sales.kernel.relay.turn()
    assert ">dispatch</a>" in page(boss, saga_id)
    sales.run_until("completed")
    assert ">dispatch</a>" not in page(boss, saga_id)


def test_the_history_of_many_hops_takes_as_many_statements_as_that_of_few(
    boss: Client, sales: Sales
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            page(boss, saga_id)
        return len(captured)

    saga_id = sales.start()
    sales.kernel.relay.turn()
    page(boss, saga_id)
    few = statements()
    sales.run_until("completed")
    assert statements() == few


def test_a_saga_whose_definition_is_gone_is_shown_all_the_same(
    boss: Client, stuck: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition, "_definitions", {})
    assert "sale is stuck: book completed; pay completed; ship stuck" in page(boss, stuck)
    assert buttons(boss, stuck) == set()


def test_a_saga_whose_messages_are_gone_is_shown_all_the_same(boss: Client, stuck: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE wildrydes_message CASCADE")
    assert not Message.objects.exists()
    assert "the road is &lt;closed&gt;" in page(boss, stuck)


def test_who_may_only_look_is_offered_nothing_and_refused(stuck: UUID) -> None:
    looker = browser("view_saga")
    assert buttons(looker, stuck) == set()
    for action in saga_actions():
        assert looker.get(url(stuck, action)).status_code == 403
        assert looker.post(url(stuck, action), {"reason": "I want it"}).status_code == 403
    assert not SagaEvent.objects.filter(saga_id=stuck, kind__in=("operator", "cancelled")).exists()
    assert not OperatorAction.objects.exists()


def test_who_may_not_look_sees_nothing(stuck: UUID) -> None:
    blind = browser("view_message")
    assert blind.get(reverse(SAGAS)).status_code == 403
    assert blind.get(reverse("admin:wildrydes_saga_change", args=[stuck])).status_code == 403


def test_strangers_are_asked_who_they_are(stuck: UUID) -> None:
    response = Client().post(url(stuck, "retry"), {"reason": "x"})
    assert response.status_code == 302
    assert "login" in response["Location"]
    assert not OperatorAction.objects.exists()


def test_what_makes_sense_is_offered_and_nothing_else(sales: Sales, stuck: UUID) -> None:
    operator = browser("view_saga", "operate_saga")
    assert buttons(operator, stuck) == {"retry", "skip", "supply", "force_back"}
    sales.answers["pay.undo"] = saga.declined("the bank is closed")
    saga.force_back(stuck, by="ada", reason="given up")
    assert buttons(operator, stuck) == {"skip", "supply"}
    sales.run_until("stuck")
    assert buttons(operator, stuck) == {"retry", "skip", "supply", "force_forward"}
    del sales.answers["pay.undo"]
    saga.retry(stuck, by="ada", reason="it has opened")
    sales.run_until("compensated")
    assert buttons(operator, stuck) == set()
    fresh = sales.start("fresh")
    assert {"cancel", "force_back"} <= buttons(operator, fresh)


def test_a_retry_asks_why_and_is_on_record(sales: Sales, stuck: UUID) -> None:
    operator = browser("view_saga", "operate_saga")
    asked = operator.get(url(stuck, "retry")).content.decode()
    assert 'name="reason"' in asked
    assert 'name="step"' not in asked
    unanswered = operator.post(url(stuck, "retry"), {"reason": " "})
    assert unanswered.status_code == 200
    assert not OperatorAction.objects.exists()

    done = order(operator, stuck, "retry", reason="the road is open")
    assert said(done) == ["Retry: done."]
    sales.run_until("completed")
    action = OperatorAction.objects.get()
    assert action.action == "saga_retry"
    assert action.by.startswith("staff-")
    event = SagaEvent.objects.get(saga_id=stuck, kind="operator")
    assert (event.actor, event.reason) == (action.by, "the road is open")
    text = page(operator, stuck)
    assert f'by <span class="font-semibold">{action.by}</span>' in text


def test_a_result_is_supplied_for_a_step_that_is_waited_for(sales: Sales, stuck: UUID) -> None:
    operator = browser("view_saga", "operate_saga")
    asked = operator.get(url(stuck, "supply"))
    assert [name for name, _ in asked.context["form"].fields["step"].choices] == ["ship"]
    for wrong in ("[1]", "{", '"text"'):
        again = order(operator, stuck, "supply", step="ship", reason="by bike", result=wrong)
        assert again.context["form"].errors["result"]  # type: ignore[attr-defined]
    assert not OperatorAction.objects.exists()
    order(operator, stuck, "supply", step="ship", reason="by bike", result='{"parcel": 9}')
    sales.run_until("completed")
    assert Saga.objects.get().state["ship"]["result"] == {"parcel": 9}
    assert OperatorAction.objects.get().action == "saga_supply"


def test_a_step_is_skipped(sales: Sales, stuck: UUID) -> None:
    operator = browser("view_saga", "operate_saga")
    order(operator, stuck, "skip", step="ship", reason="fetched by the customer")
    sales.run_until("completed")
    assert Saga.objects.get().state["ship"]["status"] == "skipped"
    assert OperatorAction.objects.get().detail["reason"] == "fetched by the customer"


def test_a_saga_is_forced_back_and_forward_again(sales: Sales, stuck: UUID) -> None:
    operator = browser("view_saga", "operate_saga")
    sales.answers["pay.undo"] = saga.declined("the bank is closed")
    order(operator, stuck, "force_back", reason="given up")
    assert Saga.objects.get().status == "compensating"
    sales.run_until("stuck")
    order(operator, stuck, "force_forward", reason="not given up")
    sales.run_until("completed")
    names = OperatorAction.objects.order_by("id").values_list("action", flat=True)
    assert list(names) == ["saga_force_back", "saga_force_forward"]


def test_a_saga_is_cancelled(sales: Sales) -> None:
    saga_id = sales.start()
    order(browser("view_saga", "operate_saga"), saga_id, "cancel", reason="changed my mind")
    sales.run_until("compensated")
    assert OperatorAction.objects.get().action == "saga_cancel"


@pytest.mark.parametrize(
    ("action", "step", "text"),
    [
        ("cancel", "", "Refused: it is past its pivot, pay: it can only be forced back."),
        ("force_forward", "", "Refused: it goes forward already"),
        ("skip", "book", "Refused: step 'book' is succeeded: nothing waits for it."),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_clear_text(
    stuck: UUID, action: str, step: str, text: str
) -> None:
    before = SagaEvent.objects.filter(saga_id=stuck).count()
    operator = browser("view_saga", "operate_saga")
    given = {"step": step} if step else {}
    (told,) = said(order(operator, stuck, action, reason="I want it", **given))
    assert told.startswith(text)
    assert SagaEvent.objects.filter(saga_id=stuck).count() == before
    assert not OperatorAction.objects.exists()


def test_a_saga_that_has_ended_meanwhile_is_left_alone(sales: Sales, stuck: UUID) -> None:
    operator = browser("view_saga", "operate_saga")
    assert operator.get(url(stuck, "retry")).status_code == 200
    saga.retry(stuck, by="ada", reason="I was first")
    sales.run_until("completed")
    (told,) = said(order(operator, stuck, "retry", reason="I was second"))
    assert told == "Refused: it has ended: completed."


def test_unknown_sagas_and_actions_are_not_found(boss: Client, stuck: UUID) -> None:
    assert boss.get(url(uuid4(), "retry")).status_code == 404
    assert boss.get(url(stuck, "explode")).status_code == 404


def test_nothing_can_be_added_changed_or_deleted(boss: Client, stuck: UUID) -> None:
    change = reverse("admin:wildrydes_saga_change", args=[stuck])
    assert boss.post(change, {"status": "completed"}).status_code == 403
    assert boss.get(reverse("admin:wildrydes_saga_delete", args=[stuck])).status_code == 403
    assert boss.get(reverse("admin:wildrydes_saga_add")).status_code == 403
