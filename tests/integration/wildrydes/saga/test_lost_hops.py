"""What is lost on the way of a hop comes back the same: the answer, its record, the wire."""

from __future__ import annotations

import celery
import pytest
from django.db import connection

from config.embedded.valkey import EmbeddedValkey
from tests.integration.wildrydes.saga.conftest import PARTICIPANTS, Sales, let_time_pass
from tests.integration.wildrydes.scatter_gather.conftest import another_connection
from wildrydes import redis, saga, wire
from wildrydes.consumer import answering
from wildrydes.models import Dispatch, Receipt

EVERY_STEP = [f"{name}.do" for name in PARTICIPANTS]


@pytest.mark.parametrize("handled", [False, True])
def test_a_hop_that_was_lost_is_sent_again_and_answered_with_the_same_words(
    sales: Sales, handled: bool
) -> None:
    sales.start()
    sales.kernel.run_relay()
    if handled:
        sales.answer("book")
        sales.answers["book.do"] = saga.declined("another answer")
    else:
        sales.kernel.take("book")
    sales.kernel.let_leases_lapse()
    sales.run()
    assert sales.statuses() == {"k": "completed"}
    assert [name for name, _ in sales.calls] == EVERY_STEP


def test_a_command_whose_answer_waits_to_be_recorded_is_not_sent_again(sales: Sales) -> None:
    sales.start()
    sales.kernel.run_relay()
    (record,) = sales.kernel.on_the_wire("book")[-1]["embed"]["chain"]
    carried = sales.answer("book")
    celery.signature(record).apply_async((carried,))
    sales.kernel.let_leases_lapse()
    sales.kernel.relay.turn()
    assert sales.kernel.standing("book") == 0
    redis.client().delete(record["options"]["queue"])
    sales.kernel.let_leases_lapse()
    sales.kernel.relay.turn()
    assert sales.kernel.standing("book") == 1


def test_everything_survives_an_empty_redis(sales: Sales) -> None:
    sales.start()
    sales.kernel.run_relay()
    redis.client().flushall()
    sales.kernel.relay._leases_checked_at = float("-inf")
    sales.run_until("completed")
    assert [name for name, _ in sales.calls] == EVERY_STEP


def test_what_a_retry_has_answered_is_said_again_when_it_got_lost_on_its_way(sales: Sales) -> None:
    sales.answers["book.do"] = ValueError("not now")
    sales.start()
    sales.kernel.run_relay()
    sales.participate("book")
    del sales.answers["book.do"]
    body = None
    while body is None:
        sales.kernel.relay.turn()
        body = sales.kernel.take("book")
    answering.answer(subscription="book.do", body=body)
    assert Receipt.objects.get(subscription="book.do").status == "done"
    sales.kernel.let_leases_lapse()
    sales.run()
    assert sales.statuses() == {"k": "completed"}
    assert [name for name, _ in sales.calls] == ["book.do", *EVERY_STEP]


def test_what_cannot_be_committed_comes_back(sales: Sales) -> None:
    sales.start()
    sales.kernel.run_relay()
    carried = sales.answer("book")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wildrydes_saga RENAME TO wildrydes_away")
    sales.take_up(carried)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wildrydes_away RENAME TO wildrydes_saga")
    assert Dispatch.objects.filter(queue="book").exists()
    sales.kernel.let_leases_lapse()
    sales.run()
    assert sales.statuses() == {"k": "completed"}


def test_what_someone_has_in_hand_is_left_to_them(sales: Sales) -> None:
    sales.answers["book.do"] = None
    first = sales.start("a")
    sales.start("b")
    sales.run()
    let_time_pass(minutes=2)
    with another_connection() as other:
        other.execute("SELECT * FROM wildrydes_saga WHERE id = %s FOR UPDATE", [first])
        assert saga.wake_due() == 1
    assert saga.wake_due() == 1


def test_while_redis_is_away_hops_wait_and_go_out_when_it_is_back(
    sales: Sales, valkey: EmbeddedValkey
) -> None:
    sales.run()
    sales.kernel.relay._leases_checked_at = float("inf")
    sales.start()
    valkey.kill()
    try:
        with pytest.raises(wire.WIRE_ERRORS):
            sales.kernel.relay.turn()
    finally:
        valkey.start()
    sales.kernel.relay._leases_checked_at = float("-inf")
    sales.run_until("completed")
