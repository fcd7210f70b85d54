"""A saga is started once for each key, and its first command is sent in the same transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from tests.integration.wildrydes.saga.conftest import Sales
from wildrydes import saga
from wildrydes.errors import ConfigurationError, OutsideTransactionError
from wildrydes.models import Message, Saga
from wildrydes.saga import Start


def test_a_started_saga_is_a_row_with_a_history_and_its_first_command(sales: Sales) -> None:
    saga_id = sales.start("k", price=3)
    found = Saga.objects.get()
    assert (found.id, found.status, found.input) == (saga_id, "running", {"price": 3})
    assert sales.history(saga_id) == ["started", "scheduled book"]
    command = Message.objects.get()
    assert (command.kind, command.type, command.subject) == (
        "command",
        "v1.book.do",
        f"{saga_id}/book",
    )
    assert (command.group_id, command.reply_to) == (str(saga_id), "seller.advance")
    assert command.correlation_id == str(saga_id)
    assert found.state["book"]["message"] == str(command.id)


def test_a_second_start_with_a_key_returns_the_first(sales: Sales) -> None:
    first = sales.start("k", price=3)
    with transaction.atomic():
        ids = saga.start_all(
            [
                Start(name="sale", key="k", input={"price": 4}),
                Start(name="sale", key="other", input={}),
                Start(name="sale", key="other", input={}),
            ]
        )
    assert ids[0] == first
    assert ids[1] == ids[2] != first
    assert Saga.objects.get(id=first).input == {"price": 3}
    assert len(sales.sent()) == 2


def test_two_who_start_the_same_at_once_start_one(sales: Sales) -> None:
    def start(number: int) -> object:
        try:
            return sales.start("k", by=number)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(start, range(16)))
    assert len(ids) == 1
    assert len(sales.sent()) == 1


def test_what_is_rolled_back_was_never_started(sales: Sales) -> None:
    with transaction.atomic():
        saga.start("sale", key="k", input={})
        transaction.set_rollback(True)
    assert not Saga.objects.exists()
    assert not Message.objects.exists()


def test_what_cannot_be_started_is_refused(sales: Sales) -> None:
    with pytest.raises(OutsideTransactionError):
        saga.start("sale", key="k", input={})
    with pytest.raises(ConfigurationError, match="'nonsense'"), transaction.atomic():
        saga.start("nonsense", key="k", input={})


@pytest.mark.parametrize("given", [{"bomb": "book"}, {"types": {"book": "v1.nobody.takes-it"}}])
def test_one_that_cannot_begin_is_stuck_and_touches_none_of_the_others(
    sales: Sales, given: dict[str, object]
) -> None:
    with transaction.atomic():
        saga.start_all(
            [
                Start(name="sale", key="good", input={}),
                Start(name="sale", key="bad", input=given),
                Start(name="sale", key="fine", input={}),
            ]
        )
    assert sales.statuses() == {"good": "running", "bad": "stuck", "fine": "running"}
    assert [key for _, key in sales.sent()] == ["good", "fine"]
