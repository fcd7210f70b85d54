"""The chord carries answers fast; whatever it loses, the tables bring back, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import celery
import psycopg
import pytest
from celery.canvas import Signature
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from config.embedded.valkey import EmbeddedValkey
from tests.integration.wildrydes.conftest import asked, last_sent
from wildrydes import publishing, redis, wire
from wildrydes.consumer import answering, limits
from wildrydes.errors import TimeLimitExceededError
from wildrydes.models import Dispatch, Receipt, Response, Scatter, new_id
from wildrydes.postgres import base
from wildrydes.scatter_gather import answered

from .conftest import RESPONDERS, Asked, Gathering

ALL_ANSWERED = dict.fromkeys(RESPONDERS, "answered")


def hand_on(gathering: Gathering, name: str) -> None:
    """Let a responder handle its next delivery, and Celery send the rest of its chain."""
    (record,) = gathering.kernel.on_the_wire(name)[-1]["embed"]["chain"]
    celery.signature(record).apply_async((gathering.answer(name),))


def counted_parts(parts: Sequence[Any]) -> list[bytes]:
    """Return how many parts Celery was told that the chord of each of these has."""
    groups = [part["chain"][0]["options"]["group_id"] for part in parts]
    return [redis.client().get(f"celery-taskset-meta-{group}.s") or b"" for group in groups]


def without_ids(embed: Any) -> Any:
    """Return what a message says besides its task, without what is new in each, or only shown."""
    passing = {"task_id", "group_id", "reply_to", "argsrepr", "kwargsrepr", "declare"}
    if isinstance(embed, dict):
        return {key: without_ids(each) for key, each in embed.items() if key not in passing}
    return [without_ids(each) for each in embed] if isinstance(embed, list) else embed


def test_what_goes_to_responders_in_one_turn_is_one_chord(gathering: Gathering) -> None:
    scatters = sorted([str(gathering.ask(1)), str(gathering.ask(2))])
    gathering.kernel.run_relay()
    sent = [message for name in RESPONDERS for message in gathering.kernel.on_the_wire(name)]
    assert [message["task"] for message in sent] == [f"{name}.answer" for name in RESPONDERS]
    for message in sent:
        (record,) = message["embed"]["chain"]
        assert (record["task"], record["options"]["queue"]) == ("asker.gather.record", "asker")
        close = record["options"]["chord"]
        assert (close["task"], close["args"]) == ("asker.gather.close", [scatters])
    assert len({m["embed"]["chain"][0]["options"]["group_id"] for m in sent}) == 1


def test_its_parts_are_those_of_celerys_own_chord(gathering: Gathering) -> None:
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    ours = [gathering.kernel.on_the_wire(name)[0]["embed"] for name in RESPONDERS]
    counted = counted_parts(ours)
    redis.client().flushall()

    def task(name: str, **options: Any) -> Signature[Any]:
        queue = name.partition(".")[0]
        return celery.signature(name, options={"queue": queue, "ignore_result": True}, **options)

    chains = [
        celery.chain(task(f"{name}.answer", args=({},)), task("asker.gather.record"))
        for name in RESPONDERS
    ]
    close = task("asker.gather.close", args=([str(scatter_id)],), immutable=True)
    celery.chord(chains, close).apply_async()
    theirs = [gathering.kernel.on_the_wire(name)[0]["embed"] for name in RESPONDERS]
    assert [without_ids(part) for part in ours] == [without_ids(part) for part in theirs]
    assert counted == counted_parts(theirs) == [b"3"] * 3


def test_a_delivery_is_acknowledged_by_whoever_records_its_answers(gathering: Gathering) -> None:
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    carried = gathering.answer("ann")
    assert Dispatch.objects.filter(queue="ann").exists()
    assert gathering.responses(scatter_id) == {}
    gathering.take_up(carried)
    assert not Dispatch.objects.filter(queue="ann").exists()
    assert gathering.responses(scatter_id) == {"ann": "answered"}
    for name in ("bob", "eve"):
        gathering.take_up(gathering.answer(name))
    assert gathering.responses(scatter_id) == ALL_ANSWERED
    assert len(gathering.gathered()) == 1


@pytest.mark.parametrize("said", [{"lease_until": "2026-01-31T12:00:00+00:00"}, {}])
def test_answers_that_waited_for_long_are_said_to_be_at_work_while_they_are_recorded(
    gathering: Gathering, said: dict[str, str]
) -> None:
    gathering.ask()
    gathering.kernel.run_relay()
    carried = dict(gathering.answer("ann"))
    del carried["lease_until"]  # as of a worker that does not say it yet
    sign = wire.at_work_key(carried["dispatch"])
    redis.client().delete(sign)
    gathering.take_up({**carried, **said})
    assert redis.client().exists(sign)


def test_a_request_that_arrives_again_is_answered_with_the_same_words(
    gathering: Gathering,
) -> None:
    gathering.ask()
    gathering.kernel.run_relay()
    delivery = gathering.delivery("ann")
    first = gathering.answer("ann", delivery)
    gathering.answers["ann"] = answered({"name": "another"})
    assert gathering.answer("ann", delivery) == first
    assert gathering.calls == [("ann", [1])]


def test_what_was_just_answered_is_not_read_again(gathering: Gathering) -> None:
    gathering.ask()
    gathering.kernel.run_relay()
    with CaptureQueriesContext(connection) as captured:
        carried = gathering.answer("ann")
    assert len(carried["answers"]) == 1
    assert not [
        sql for sql in asked(captured) if sql.startswith("SELECT") and "wildrydes_receipt" in sql
    ]


def test_an_answer_may_be_any_mapping(gathering: Gathering) -> None:
    gathering.answers["ann"] = answered(MappingProxyType({"name": "ann"}))
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    hand_on(gathering, "ann")
    assert gathering.kernel.standing("asker") == 1
    gathering.take_up(gathering.kernel.take("asker") or {})
    assert gathering.responses(scatter_id) == {"ann": "answered"}


def test_an_answer_is_kept_in_the_round_trip_that_commits_it(
    gathering: Gathering, observer: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "PLANS_LAST_SECONDS", 60.0)
    gathering.ask()
    gathering.kernel.run_relay()
    gathering.answer("ann")
    assert last_sent(observer) == ["EXECUTE", "COMMIT"]


def test_an_answer_is_recorded_and_counted_in_one_round_trip(gathering: Gathering) -> None:
    gathering.ask()
    gathering.kernel.run_relay()
    gathering.take_up(gathering.answer("ann"))
    carried = gathering.answer("bob")
    with CaptureQueriesContext(connection) as captured:
        gathering.take_up(carried)
    executed = [str(entry["sql"]).count("EXECUTE") for entry in captured]
    recorded_and_counted, closed = 2, 1
    assert [count for count in executed if count] == [recorded_and_counted, closed]


def test_an_answer_that_cannot_be_kept_fails_its_request_alone(gathering: Gathering) -> None:
    gathering.answers["ann"] = answered({"name": "a\x00nn"})
    gathering.ask()
    gathering.kernel.run_relay()
    assert gathering.answer("ann")["answers"] == []
    assert "NUL" in Receipt.objects.get().error


def test_what_was_answered_and_rolled_back_is_not_carried(
    gathering: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def ending_just_too_late(limit: timedelta) -> Iterator[None]:
        yield
        raise TimeLimitExceededError(f"took longer than {limit}")

    gathering.ask()
    gathering.kernel.run_relay()
    monkeypatch.setattr(limits, "time_limit", ending_just_too_late)
    assert gathering.answer("ann")["answers"] == []
    assert gathering.calls == [("ann", [1])]


def test_answers_that_are_recorded_twice_count_once(gathering: Gathering) -> None:
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    for name in RESPONDERS:
        carried = gathering.answer(name)
        gathering.take_up(carried)
        gathering.take_up(carried)
    assert gathering.responses(scatter_id) == ALL_ANSWERED
    assert len(gathering.gathered()) == 1


@pytest.mark.parametrize("handled", [False, True])
def test_a_chain_that_was_lost_is_sent_again_and_ends_with_the_answer(
    gathering: Gathering, handled: bool
) -> None:
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    for name in RESPONDERS:
        delivery = gathering.delivery(name)
        if handled:
            gathering.answer(name, delivery)
    gathering.kernel.let_leases_lapse()
    gathering.kernel.run_relay()
    for name in RESPONDERS:
        gathering.take_up(gathering.answer(name))
    assert gathering.responses(scatter_id) == ALL_ANSWERED
    assert Scatter.objects.get().closed_because == "completed"
    assert len(gathering.calls) == 3
    assert not Dispatch.objects.exists()


def test_a_delivery_whose_answers_wait_to_be_recorded_is_not_sent_again(
    gathering: Gathering,
) -> None:
    gathering.ask()
    gathering.kernel.run_relay()
    hand_on(gathering, "ann")
    gathering.kernel.let_leases_lapse()
    gathering.kernel.run_relay()
    assert gathering.kernel.standing("ann") == 0
    redis.client().delete("asker")
    gathering.kernel.let_leases_lapse()
    gathering.kernel.run_relay()
    assert gathering.kernel.standing("ann") == 1


def test_of_two_deliveries_the_lost_one_is_sent_again_and_not_the_answered_one(
    gathering: Gathering,
) -> None:
    for number in (1, 2):
        gathering.ask(number, recipients=["ann.answer"])
        gathering.kernel.run_relay()
    hand_on(gathering, "ann")
    gathering.delivery("ann")
    gathering.kernel.let_leases_lapse()
    gathering.kernel.run_relay()
    (again,) = gathering.delivery("ann")["messages"]
    assert again["data"] == {"number": 2}


def test_answers_for_another_database_are_recorded_and_acknowledged_there(
    gathering: Gathering,
) -> None:
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    carried = gathering.answer("ann")
    dispatch_id, elsewhere = str(new_id()), str(new_id())
    gathering.take_up({**carried, "origin": elsewhere, "dispatch": dispatch_id})
    assert gathering.responses(scatter_id) == {"ann": "answered"}
    assert redis.client().lpop(f"wildrydes:acknowledged:{elsewhere}") == dispatch_id.encode()
    assert Dispatch.objects.filter(queue="ann").exists()


def test_answers_to_what_nobody_here_has_asked_change_nothing(gathering: Gathering) -> None:
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    carried = gathering.answer("ann")
    gathering.take_up({**carried, "answers": [[str(new_id()), "answered", {}, ""]]})
    gathering.take_up({**carried, "responder": "zoe"})
    assert gathering.responses(scatter_id) == {}


def test_a_retried_request_answers_by_chord_too(gathering: Gathering) -> None:
    said = gathering.answers["ann"]
    gathering.answers["ann"] = ValueError("not now")
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    carried = gathering.answer("ann")
    assert carried["answers"] == []
    gathering.take_up(carried)
    assert not Dispatch.objects.filter(queue="ann").exists()
    gathering.answers["ann"] = said
    Receipt.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(hours=1))
    gathering.kernel.run_relay()
    (sent,) = gathering.kernel.on_the_wire("ann")
    assert sent["embed"]["chain"][0]["task"] == "asker.gather.record"
    gathering.take_up(gathering.answer("ann"))
    assert gathering.responses(scatter_id) == {"ann": "answered"}


@pytest.mark.parametrize(
    "carried", [{}, {"dispatch": "x"}, {"answers": [["x", "answered", {}, ""]]}, {"answers": [1]}]
)
def test_nothing_raises_in_a_chord(gathering: Gathering, carried: dict[str, Any]) -> None:
    whole = {"dispatch": str(new_id()), "origin": "", "queue": "ann", "responder": "ann", **carried}
    gathering.take_up(whole if carried else {})
    answering.look_again(scatter_ids=["not an id"])
    assert gathering.answer("ann", {"no": "delivery"}) == {}


def test_what_cannot_be_committed_gives_no_answer_and_comes_back(
    gathering: Gathering,
) -> None:
    gathering.ask()
    gathering.kernel.run_relay()
    gathering.loses_postgres = True
    assert gathering.answer("ann") == {}
    gathering.loses_postgres = False
    assert not Receipt.objects.exists()
    gathering.kernel.let_leases_lapse()
    gathering.kernel.run_relay()
    assert len(gathering.answer("ann")["answers"]) == 1


def test_the_chords_body_ends_what_is_complete_and_nothing_else(gathering: Gathering) -> None:
    complete, incomplete = gathering.ask(1), gathering.ask(2)
    Response.objects.bulk_create(
        Response(scatter_id=complete, responder=name, outcome="answered") for name in RESPONDERS
    )
    for _ in range(2):
        answering.look_again(scatter_ids=[str(complete), str(incomplete), str(new_id())])
    assert [subject for subject, _ in gathering.gathered()] == [str(complete)]
    assert Scatter.objects.get(id=incomplete).status == "open"


def test_without_a_place_to_count_in_answers_travel_as_messages(
    gathering: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery.current_app.conf, "result_backend", None)
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    assert gathering.kernel.on_the_wire("ann")[0]["embed"]["chain"] is None
    gathering.run()
    assert gathering.responses(scatter_id) == ALL_ANSWERED


def test_a_plain_message_to_responders_asks_nobody(gathering: Gathering) -> None:
    with transaction.atomic():
        publishing.publish(Asked(1))
    gathering.kernel.run_relay()
    assert gathering.answer("bob")["answers"] == []


def test_while_redis_is_away_requests_wait_and_go_out_when_it_is_back(
    gathering: Gathering, valkey: EmbeddedValkey
) -> None:
    gathering.kernel.run_relay()
    gathering.kernel.relay._leases_checked_at = float("inf")  # else Redis is missed before
    gathering.ask()
    valkey.kill()
    try:
        with pytest.raises(wire.WIRE_ERRORS):
            gathering.kernel.relay.turn()
        assert not Dispatch.objects.filter(sent_at__isnull=False).exists()
    finally:
        valkey.start()
    gathering.kernel.run_relay()
    for name in RESPONDERS:
        gathering.take_up(gathering.answer(name))
    assert Scatter.objects.get().closed_because == "completed"
