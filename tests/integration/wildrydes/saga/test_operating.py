"""What a person does to a saga is carried out and on record, or refused and nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tests.integration.wildrydes.saga.conftest import Sales, let_time_pass
from tests.integration.wildrydes.saga.test_hops import assert_history_tells_the_state
from wildrydes import saga
from wildrydes.models import OperatorAction, Saga, SagaEvent, new_id
from wildrydes.saga import SagaError


def stuck(sales: Sales) -> UUID:
    """Return a saga that is stuck because its refund is refused."""
    sales.answers["ship.do"] = saga.declined("the account is closed")
    sales.answers["pay.undo"] = saga.declined("the refund is refused")
    saga_id = sales.start()
    sales.run()
    assert sales.statuses() == {"k": "stuck"}
    return saga_id


def test_a_saga_that_is_stuck_says_so(sales: Sales) -> None:
    stuck(sales)
    found = Saga.objects.get()
    assert (found.failed_step, found.reason) == ("ship", "the account is closed")
    assert found.stuck_because == "the refund is refused"
    assert sales.events() == [{"step": "pay", "reason": "the refund is refused"}]
    assert found.wake_at is None


def test_it_tries_again_when_a_person_says_so(sales: Sales) -> None:
    saga_id = stuck(sales)
    del sales.answers["pay.undo"]
    saga.retry(saga_id, by="ann", reason="the account is open again")
    sales.run()
    assert sales.statuses() == {"k": "compensated"}
    ordered = SagaEvent.objects.get(saga_id=saga_id, kind="operator")
    assert (ordered.actor, ordered.reason) == ("ann", "the account is open again")
    assert ordered.data == {"action": "retry"}
    action = OperatorAction.objects.get()
    assert (action.by, action.action) == ("ann", "saga_retry")
    assert action.detail["saga"] == str(saga_id)
    assert_history_tells_the_state()


def test_it_goes_on_without_a_step_that_a_person_skips(sales: Sales) -> None:
    saga_id = stuck(sales)
    saga.skip(saga_id, step="pay", by="ann", reason="paid back in cash")
    sales.run()
    assert sales.statuses() == {"k": "compensated"}
    assert Saga.objects.get().state["pay"]["status"] == "skipped"


def test_it_believes_what_a_person_supplies(sales: Sales) -> None:
    sales.answers["pay.do"] = None
    saga_id = sales.start()
    sales.run()
    saga.supply(saga_id, step="pay", result={"receipt": 7}, by="ann", reason="seen at the bank")
    sales.run()
    assert sales.statuses() == {"k": "completed"}
    assert Saga.objects.get().state["pay"]["result"] == {"receipt": 7}
    assert sales.envelopes["ship.do"][0].data["known"] == ["book", "pay"]
    assert OperatorAction.objects.get().detail["result"] == '{"receipt":7}'


def test_it_is_forced_back_after_its_pivot_and_forward_again(sales: Sales) -> None:
    sales.answers["mark.do"] = sales.answers["ship.undo"] = saga.declined("no")
    saga_id = sales.start()
    sales.run()
    assert sales.statuses() == {"k": "stuck"}
    del sales.answers["mark.do"]
    saga.force_back(saga_id, by="ann", reason="the customer is right")
    with pytest.raises(SagaError, match="'ship' is being undone"):
        saga.force_forward(saga_id, by="bob", reason="no, is not")
    sales.run()
    saga.force_forward(saga_id, by="bob", reason="no, is not")
    sales.run()
    assert sales.statuses() == {"k": "completed"}
    assert_history_tells_the_state()


def test_it_is_cancelled_while_a_step_is_open(sales: Sales) -> None:
    sales.answers["pay.do"] = None
    saga_id = sales.start()
    sales.run()
    saga.cancel(saga_id, by="ann", reason="changed their mind")
    sales.run()
    assert sales.statuses() == {"k": "compensated"}
    assert [name for name, _ in sales.calls] == ["book.do", "pay.do", "pay.undo", "book.undo"]
    assert Saga.objects.get().reason == "changed their mind"


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (lambda id: saga.retry(id, by="ann", reason="why not"), "not stuck"),
        (lambda id: saga.retry(id, by="ann", reason=" "), "say why"),
        (lambda id: saga.skip(id, step="pay", by="ann", reason="so"), "not begun"),
        (lambda id: saga.supply(id, step="x", result={}, by="ann", reason="so"), "no step"),
        (lambda id: saga.supply(id, step="book", result=object(), by="a", reason="so"), "kept"),
        (lambda id: saga.force_forward(id, by="ann", reason="so"), "forward already"),
        (lambda id: saga.cancel(new_id(), by="ann", reason="so"), "there is no saga"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    sales: Sales, order: Callable[[UUID], Any], text: str
) -> None:
    saga_id = sales.start()
    with pytest.raises(SagaError, match=text):
        order(saga_id)
    assert not OperatorAction.objects.exists()
    assert sales.history(saga_id) == ["started", "scheduled book"]


def test_what_has_ended_cannot_be_changed(sales: Sales) -> None:
    saga_id = sales.start()
    sales.run()
    with pytest.raises(SagaError, match="it has ended: completed"):
        saga.cancel(saga_id, by="ann", reason="so")


def test_one_that_is_stuck_is_left_to_people(sales: Sales) -> None:
    stuck(sales)
    let_time_pass(days=1)
    assert saga.wake_due() == 0
