"""`manage.py sagas`: what people and monitors see, what they may have done, and what is refused."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from wildrydes import saga
from wildrydes.models import OperatorAction, Saga, SagaEvent
from wildrydes.saga.recorded import History, differences

from .conftest import SALE, Sales


def tell(*arguments: object) -> str:
    """Run the command; return what it prints."""
    output = io.StringIO()
    call_command("sagas", *[str(argument) for argument in arguments], stdout=output)
    return output.getvalue()


def as_json(*arguments: object) -> Any:
    return json.loads(tell(*arguments, "--json"))


def stuck(sales: Sales, key: str = "k") -> UUID:
    """Return a saga whose goods cannot be shipped; the shipper is there again."""
    sales.answers["ship.do"] = saga.Answer("failed", reason="the road is closed")
    saga_id = sales.start(key)
    sales.run_until("stuck", "completed")
    del sales.answers["ship.do"]
    return saga_id


def test_a_list_shows_what_was_selected(sales: Sales) -> None:
    first = stuck(sales, "a")
    second = sales.start("b")
    sales.run_until("stuck", "completed")
    assert [item["saga"] for item in as_json("list")] == [str(second), str(first)]
    assert [item["key"] for item in as_json("list", "--status", "stuck")] == ["a"]
    assert [item["key"] for item in as_json("list", "--key", "b")] == ["b"]
    assert [item["key"] for item in as_json("list", "--limit", 1)] == ["b"]
    assert as_json("list", "--definition", "other") == []
    assert tell("list", "--definition", "other") == "There are no such sagas.\n"
    (line,) = tell("list", "--key", "a").splitlines()
    assert line.startswith(f"{first}  ")
    assert line.endswith("sale 1  a  stuck         ship  the road is closed")


def test_all_that_is_known_of_a_saga_is_shown_by_id_and_by_key(sales: Sales) -> None:
    saga_id = stuck(sales)
    by_id, by_key = as_json("show", saga_id), as_json("show", "k")
    assert by_id == by_key
    assert by_id["stuck_because"] == "the road is closed"
    assert by_id["history"][1]["sent"]["data"] == {"key": "k", "known": []}
    text = tell("show", "k")
    assert "stuck_because: the road is closed" in text
    assert "scheduled       book              attempt 1" in text


def test_retry_is_carried_out_and_on_record(sales: Sales) -> None:
    saga_id = stuck(sales)
    became = as_json("retry", saga_id, "--by", "ada", "--reason", "the road is open")
    assert became["status"] == "running"
    sales.run_until("completed")
    event = SagaEvent.objects.get(saga_id=saga_id, kind="operator")
    assert (event.actor, event.reason) == ("ada", "the road is open")
    action = OperatorAction.objects.get()
    assert (action.by, action.action) == ("ada", "saga_retry")
    assert action.detail["saga"] == str(saga_id)


def test_a_step_is_skipped(sales: Sales) -> None:
    stuck(sales)
    tell("skip", "k", "--step", "ship", "--reason", "fetched by the customer")
    sales.run_until("completed")
    assert OperatorAction.objects.get().action == "saga_skip"


def test_a_result_is_supplied(sales: Sales) -> None:
    saga_id = stuck(sales)
    told = tell("supply", "k", "--step", "ship", "--result", '{"parcel": 9}', "--reason", "by bike")
    assert told.startswith(str(saga_id))
    sales.run_until("completed")
    assert Saga.objects.get().state["ship"]["result"] == {"parcel": 9}


def test_a_saga_is_forced_back_and_forward_again(sales: Sales) -> None:
    stuck(sales)
    sales.answers["pay.undo"] = saga.declined("the bank is closed")
    assert as_json("force-back", "k", "--reason", "given up")["status"] == "compensating"
    sales.run_until("stuck")
    assert as_json("force-forward", "k", "--reason", "not given up")["status"] == "running"
    sales.run_until("completed")
    names = OperatorAction.objects.order_by("id").values_list("action", flat=True)
    assert list(names) == ["saga_force_back", "saga_force_forward"]


def test_a_saga_is_cancelled(sales: Sales) -> None:
    sales.start()
    assert as_json("cancel", "k", "--reason", "changed my mind")["status"] == "compensating"
    sales.run_until("compensated")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("cancel", "k", "--reason", "x"), "it is past its pivot, pay"),
        (("force-forward", "k", "--reason", "x"), "it goes forward already"),
        (("skip", "k", "--step", "book", "--reason", "x"), "step 'book' is succeeded"),
        (("skip", "k", "--step", "fly", "--reason", "x"), "it has no step 'fly'"),
        (("retry", "k", "--reason", " "), "say why"),
        (("supply", "k", "--step", "ship", "--result", "[1]", "--reason", "x"), "--result: not a"),
        (("supply", "k", "--step", "ship", "--result", "{", "--reason", "x"), "--result: not JSON"),
        (("retry", "other", "--reason", "x"), "there is no saga 'other'"),
        (("show", "00000000-0000-7000-8000-000000000000"), "there is no saga '00000000"),
        (("list", "--limit", "0"), "--limit must be at least 1"),
        (("retry", "k"), "--reason"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    sales: Sales, arguments: tuple[str, ...], text: str
) -> None:
    saga_id = stuck(sales)
    before = sales.history(saga_id)
    with pytest.raises(CommandError, match=text):
        tell(*arguments)
    assert sales.history(saga_id) == before
    assert not OperatorAction.objects.exists()


def test_a_key_that_two_sagas_have_is_not_enough(sales: Sales) -> None:
    stuck(sales)
    Saga.objects.create(id=UUID(int=1), definition="another", version=1, key="k")
    with pytest.raises(CommandError, match="more than one saga has the key 'k'"):
        tell("retry", "k", "--reason", "x")


def test_a_saga_is_drawn(sales: Sales, tmp_path: Path) -> None:
    stuck(sales)
    path = tmp_path / "sale.svg"
    assert tell("draw", "k", "--output", path) == f"Wrote {path}.\n"
    root = ElementTree.fromstring(path.read_text())
    assert root.attrib["aria-label"].startswith("sale is stuck: book completed; pay completed;")
    assert tell("draw", "k").startswith("<svg")
    with pytest.raises(CommandError, match="--output"):
        tell("draw", "k", "--output", tmp_path)


def test_a_history_is_recorded_and_can_be_replayed(sales: Sales, tmp_path: Path) -> None:
    saga_id = stuck(sales)
    tell("supply", "k", "--step", "ship", "--result", '{"parcel": 9}', "--reason", "by bike")
    sales.run_until("completed")
    path = tmp_path / "history.json"
    assert as_json("record", saga_id, "--output", path)["output"] == str(path)
    recorded = json.loads(path.read_text())
    assert recorded == json.loads(tell("record", "k"))
    history = History.from_data(recorded)
    assert len(history.sent) == len([item for item in history.entries if item.message]) / 2
    assert differences(history, SALE) == []
