"""The body of a Celery message is read once where Celery asks twice, and always as it stands."""

from __future__ import annotations

import kombu
import orjson
import pytest
from kombu.serialization import loads

from wildrydes import serialization

BODY = b'[[{"number": 1}], {}, {"chain": null}]'


@pytest.fixture(autouse=True)
def _nothing_was_read_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialization, "_latest", None)


def test_the_same_body_is_read_once_for_the_two_who_ask() -> None:
    body = BODY.decode()
    first = serialization.decode(body)
    assert first == orjson.loads(BODY)
    assert serialization.decode(body) is first


def test_celery_and_kombu_ask_for_one_and_the_same_body() -> None:
    serialization.register()
    with kombu.Connection("memory://") as connection:
        queue = connection.SimpleQueue("bodies", serializer="json")
        queue.put(orjson.loads(BODY))
        message = queue.get()
    seen = message.payload
    assert seen == orjson.loads(BODY)
    assert loads(message.body, message.content_type, message.content_encoding) is seen


def test_what_was_handed_on_is_not_handed_out_a_third_time() -> None:
    body = BODY.decode()
    serialization.decode(body)
    serialization.decode(body)[0][0]["number"] = 2
    assert serialization.decode(body) == orjson.loads(BODY)


def test_an_equal_body_of_another_message_is_read_for_itself() -> None:
    first = serialization.decode(BODY.decode())
    second = serialization.decode(BODY.decode())
    assert second == first
    assert second is not first


def test_bodies_that_take_turns_are_not_confused() -> None:
    one, other = '{"number": 1}', '{"number": 2}'
    assert [serialization.decode(body) for body in (one, other, one, one, other)] == [
        {"number": 1},
        {"number": 2},
        {"number": 1},
        {"number": 1},
        {"number": 2},
    ]


def test_a_body_of_which_nothing_can_be_made_is_refused_each_time() -> None:
    body = '{"number": '
    for _ in range(2):
        with pytest.raises(orjson.JSONDecodeError):
            serialization.decode(body)
