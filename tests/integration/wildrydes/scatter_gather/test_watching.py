"""Operators see who was asked and who said what; the doctor sees what has not ended."""

from __future__ import annotations

import dataclasses

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from wildrydes import checks, doctor, topology
from wildrydes.models import Receipt, Scatter
from wildrydes.saga import definition
from wildrydes.scatter_gather import First, answered, declined, timekeeper

from .conftest import GATHERING, RESPONDERS, Gathering, let_deadlines_pass, topology_of

SERVED = [GATHERING, *(f"{name}.answer" for name in RESPONDERS)]


@pytest.fixture(autouse=True)
def no_sagas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the sagas of the installed services, whose commands these topologies do not have."""
    monkeypatch.setattr(definition, "_definitions", {})


@pytest.fixture
def operator(gathering: Gathering) -> Client:
    """Return the browser of an operator who may do everything that the admin offers."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser(username="operator"))
    return client


def wrong() -> set[str]:
    doctor.seen(worker="w", subscriptions=SERVED)
    return {finding.name for finding in doctor.examine() if finding.wrong}


def test_a_scatter_that_nobody_ends_is_found(gathering: Gathering) -> None:
    gathering.ask(recipients=["ann.answer"])
    gathering.kernel.run_relay()
    assert wrong() == set()
    let_deadlines_pass()
    assert wrong() == {"scatters overdue"}
    timekeeper.close_due()
    assert wrong() == set()


def test_a_scatter_that_ended_without_its_event_is_found(gathering: Gathering) -> None:
    gathering.record(gathering.ask(rule=First(1)), "ann", answered({"bomb": 1}))
    assert wrong() == {"aggregates failed"}


def test_the_page_of_a_scatter_shows_who_said_what(gathering: Gathering, operator: Client) -> None:
    scatter_id = gathering.ask()
    gathering.record(scatter_id, "ann", answered({"price": "12.50"}))
    gathering.record(scatter_id, "bob", declined("no <b>unicorn</b> is free"))
    page = operator.get(reverse("admin:wildrydes_scatter_change", args=[scatter_id]))
    text = page.content.decode()
    assert "12.50" in text
    assert "no &lt;b&gt;unicorn" in text
    assert "… nothing yet" in text
    let_deadlines_pass()
    gathering.record(scatter_id, "eve", answered({}))
    page = operator.get(reverse("admin:wildrydes_scatter_change", args=[scatter_id]))
    assert "answered, late" in page.content.decode()
    listed = operator.get(reverse("admin:wildrydes_scatter_changelist"))
    assert str(scatter_id) in listed.content.decode()


def test_a_receipt_shows_what_was_answered(gathering: Gathering, operator: Client) -> None:
    gathering.ask()
    gathering.run()
    receipt = Receipt.objects.get(subscription="eve.answer")
    page = operator.get(reverse("admin:wildrydes_receipt_change", args=[receipt.pk]))
    assert "outcome" in page.content.decode()


def test_a_scatter_cannot_be_changed_by_hand(gathering: Gathering, operator: Client) -> None:
    scatter_id = gathering.ask()
    url = reverse("admin:wildrydes_scatter_change", args=[scatter_id])
    assert operator.post(url, {"status": "closed"}).status_code == 403
    assert Scatter.objects.get().status == "open"


def test_the_topology_of_a_gathering_has_nothing_wrong(gathering: Gathering) -> None:
    assert numbers() == set()


def test_two_who_answer_under_one_name_are_refused(gathering: Gathering) -> None:
    twice = dataclasses.replace(topology.current().subscription("ann.answer"), responder="bob")
    others = [item for item in topology_of(*RESPONDERS).subscriptions if item.name != twice.name]
    gathering.kernel.use(
        dataclasses.replace(topology_of(*RESPONDERS), subscriptions=(*others, twice))
    )
    assert numbers() == {"wildrydes.E058"}


def test_who_answers_at_most_once_is_refused(gathering: Gathering) -> None:
    whole = topology_of(*RESPONDERS)
    *others, last = whole.subscriptions
    hasty = dataclasses.replace(last, at_most_once=True)
    gathering.kernel.use(dataclasses.replace(whole, subscriptions=(*others, hasty)))
    assert numbers() == {"wildrydes.E057"}


def numbers() -> set[str | None]:
    return {
        message.id
        for message in checks.check_topology(None)
        if message.id not in ("wildrydes.E009",)
        or any(name in str(message.msg) for name in RESPONDERS)
    }
