"""A script that is asked in every request answers as redis-py's client would, and costs less."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from redis.exceptions import ResponseError, TimeoutError

from wildrydes import redis
from wildrydes.redis import Script

pytestmark = pytest.mark.usefixtures("wire")

ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"


def test_a_script_that_redis_does_not_know_is_told_to_it() -> None:
    script = Script(ADD)
    redis.client().script_flush()
    assert [script.run("sum", 2), script.run("sum", 3)] == [2, 5]
    redis.client().script_flush()
    assert script.run("sum", 4) == 9


def test_a_connection_that_redis_has_ended_is_replaced() -> None:
    script = Script(ADD)
    assert script.run("sum", 1) == 1
    redis.client().client_kill_filter(_type="normal", skipme=True)
    assert script.run("sum", 1) == 2


def test_each_thread_gets_the_answer_to_its_own_question() -> None:
    script, together = Script(ADD), Barrier(4)

    def add_up(number: int) -> list[int]:
        together.wait()
        return [script.run(f"sum{number}", number) for _ in range(50)]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(add_up, range(1, 5)))
    assert found == [[number * times for times in range(1, 51)] for number in range(1, 5)]


def test_an_answer_that_comes_too_late_is_not_taken_for_another() -> None:
    script = Script(ADD)
    assert script.run("sum", 1) == 1
    redis.client().client_pause(1_500)
    with pytest.raises(TimeoutError):
        script.run("sum", 7)
    redis.client().ping()
    assert script.run("another sum", 1) == 1


def test_more_threads_than_a_pool_has_connections_are_no_error() -> None:
    script = Script(ADD)
    for number in range(1, 121):
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(script.run, "sum", 1).result() == number


def test_a_child_process_does_not_talk_on_the_connection_of_its_parent() -> None:
    script = Script(ADD)
    assert script.run("sum", 1) == 1
    inherited = script._connection()
    inherited.pid += 1
    assert script._connection() is not inherited


def test_what_the_script_refuses_is_raised_and_the_connection_works_on() -> None:
    script = Script(ADD)
    with pytest.raises(ResponseError, match="not an integer"):
        script.run("sum", "much")
    assert script.run("sum", 1) == 1
