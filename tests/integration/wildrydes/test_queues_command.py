"""`manage.py queues`: what people and monitors see, what they change, and what is refused."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from wildrydes import queue_limits
from wildrydes.models import OperatorAction

from .conftest import Kernel, small_topology


def tell(*arguments: object) -> str:
    """Run the command; return what it prints."""
    output = io.StringIO()
    call_command("queues", *[str(argument) for argument in arguments], stdout=output)
    return output.getvalue()


def as_json(*arguments: object) -> Any:
    return json.loads(tell(*arguments, "--json"))


def test_the_list_shows_how_each_queue_stands(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=1))
    queue_limits.unlimit(queue="second", by="ada")
    kernel.publish(10, 11, 12)
    kernel.relay.turn()
    first, second = as_json("list")
    assert (first["name"], first["per_second"], first["in_topology"]) == ("first", 1, 1)
    assert (first["waiting"], first["open"], first["changed_at"]) == (2, 1, None)
    assert first["waits_seconds"] >= 0
    assert (second["name"], second["per_second"], second["changed_by"]) == ("second", None, "ada")
    assert (second["waiting"], second["open"], second["waits_seconds"]) == (0, 1, None)
    one, other = tell("list").splitlines()
    assert one.startswith("first   1 a second, 2 waiting for ")
    assert other == "second  no limit (by ada), 0 waiting, 1 open"


def test_a_limit_is_set_lifted_and_restored_on_record(kernel: Kernel) -> None:
    (state,) = as_json("limit", "first", "2.5", "--by", "ada", "--reason", "the partner asked")
    assert (state["per_second"], state["changed_by"]) == (2.5, "ada")
    assert queue_limits.in_force() == {"first": 2.5}
    (state,) = as_json("unlimit", "first", "--by", "bob")
    assert (state["per_second"], state["changed_by"]) == (None, "bob")
    (state,) = as_json("restore", "first", "--by", "cyd")
    assert (state["changed_at"], state["changed_by"]) == (None, "")
    assert queue_limits.in_force() == {}
    actions = OperatorAction.objects.order_by("id").values_list("by", "action", "detail")
    assert list(actions) == [
        (
            "ada",
            "limit_queue",
            {"queue": "first", "per_second": 2.5, "reason": "the partner asked"},
        ),
        ("bob", "unlimit_queue", {"queue": "first", "per_second": None, "reason": ""}),
        ("cyd", "restore_queue", {"queue": "first", "reason": ""}),
    ]


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf"])
def test_what_is_no_rate_is_refused(kernel: Kernel, rate: str) -> None:
    with pytest.raises(CommandError, match="more than 0"):
        tell("limit", "first", "--", rate)
    assert not OperatorAction.objects.exists()


@pytest.mark.parametrize("action", [("limit", "third", 1), ("unlimit", "third"), ("restore", "x")])
def test_an_unknown_queue_is_refused(kernel: Kernel, action: tuple[object, ...]) -> None:
    with pytest.raises(CommandError, match="the topology has no queue"):
        tell(*action)
    assert not OperatorAction.objects.exists()
