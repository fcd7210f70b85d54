"""Sagas that need somebody are seen, and ended ones go when they are old."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

from django.core.management import call_command
from django.db.models import F
from prometheus_client import REGISTRY

from tests.integration.wildrydes.saga.conftest import ORCHESTRATOR, PARTICIPANTS, Sales
from wildrydes import doctor, saga
from wildrydes.front_door import figures
from wildrydes.models import Saga, SagaEvent

DAY = timedelta(days=1)


def wrong() -> dict[str, dict[str, int]]:
    names = [f"{name}.{verb}" for name in PARTICIPANTS for verb in ("do", "undo")]
    doctor.seen(worker="w", subscriptions=[ORCHESTRATOR, *names])
    return {item.name: dict(item.by_subscription) for item in doctor.examine() if item.wrong}


def ended(status: str) -> float:
    labels = {"definition": "sale", "status": status}
    return REGISTRY.get_sample_value("wildrydes_sagas_ended_total", labels) or 0.0


def purge(**options: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("purge", json=True, stdout=out, **options)
    counted: dict[str, Any] = json.loads(out.getvalue())
    return counted


def test_a_saga_that_is_stuck_is_found_however_young(sales: Sales) -> None:
    before = ended("stuck")
    sales.start("bad", bomb="pay")
    sales.start("good")
    sales.run()
    assert wrong() == {"sagas stuck": {"sale": 1}}
    assert ended("stuck") == before + 1


def test_a_saga_that_nobody_wakes_is_found(sales: Sales) -> None:
    sales.answers["book.do"] = None
    sales.start()
    sales.run()
    Saga.objects.update(wake_at=F("wake_at") - DAY)
    assert wrong().keys() == {"sagas overdue"}


def test_a_saga_that_takes_longer_than_it_may_is_found(sales: Sales) -> None:
    sales.answers["ship.do"] = None
    sales.start()
    sales.run()
    Saga.objects.update(deadline_at=F("deadline_at") - DAY)
    assert saga.wake_due() == 0
    assert wrong() == {"sagas out of time": {"sale": 1}}


def test_the_figures_have_the_sagas_that_are_under_way(sales: Sales) -> None:
    sales.answers["ship.do"] = None
    sales.start("open")
    sales.start("bad", bomb="pay")
    sales.run()
    assert figures.sagas() == {
        ("sale", "running"): 1,
        ("sale", "compensating"): 0,
        ("sale", "stuck"): 1,
    }


def test_an_old_saga_goes_with_its_history_when_it_has_ended(sales: Sales) -> None:
    before = ended("completed")
    old = sales.start("old")
    sales.start("bad", bomb="pay")
    sales.run()
    Saga.objects.update(started_at=F("started_at") - 365 * DAY, ended_at=F("ended_at") - 365 * DAY)
    sales.start("young")
    sales.run()
    assert purge(dry_run=True)["sagas"] == 1
    assert purge()["sagas"] == 1
    assert sales.statuses() == {"bad": "stuck", "young": "completed"}
    assert not SagaEvent.objects.filter(saga_id=old).exists()
    assert SagaEvent.objects.exists()
    assert ended("completed") == before + 2
