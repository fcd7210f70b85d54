"""Use case 4, over HTTP, with real processes: every ride's fare is collected, or nothing of it is.

Whatever happens, the provider's ledger and ours agree to the cent.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.topology import queue_names
from tests.sandbox import SandboxProcess, running

from .stage import RIDE, Servers, Stage, wait_until

pytestmark = pytest.mark.timeout(300)

FARES = "/api/v1/fare-collections"
OVER = ("collected", "failed", "refunded")
PAYMENTS = "customer_payment"
OTHERS = [name for name in queue_names() if name != PAYMENTS]
RETRY = (
    "from wildrydes import saga; from uuid import UUID;"
    "saga.retry(UUID('{saga}'), by='olga', reason='The provider works again.')"
)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    directory: Path = tmp_path_factory.mktemp("sandbox")
    with running(directory) as process:
        yield process


@pytest.fixture(scope="module")
def stage(servers: Servers, sandbox: SandboxProcess) -> Stage:
    stage = servers.stage()
    stage.variables |= {**sandbox.environment, "STRIPE_TIMEOUT_SECONDS": "2"}
    return stage


@pytest.fixture(scope="module")
def accounts(stage: Stage) -> dict[str, Any]:
    accounts = stage.prepare("seed_payment_methods", "seed_accounts")
    stage.start_relay()
    stage.start_worker(queues=OTHERS)
    stage.start_worker("payments", queues=[PAYMENTS])
    stage.start_web()
    return accounts


@pytest.fixture
def unicorn(stage: Stage, accounts: dict[str, Any]) -> Iterator[httpx.Client]:
    with stage.client(accounts["unicorns"][0]) as client:
        yield client


@pytest.fixture
def staff(stage: Stage, accounts: dict[str, Any]) -> Iterator[httpx.Client]:
    with stage.client(accounts["staff"][0]) as client:
        yield client


def client_of(stage: Stage, accounts: dict[str, Any], customer: str) -> httpx.Client:
    (account,) = (item for item in accounts["customers"] if item["customer"] == customer)
    return stage.client(account)


def submit(unicorn: httpx.Client, customer: str, **more: Any) -> str:
    """Report a ride, again while a busy machine refuses work; return its completion's id."""
    body = {**RIDE, "customer": customer, **more}

    def accepted() -> httpx.Response | None:
        answer = unicorn.post("/submit-ride-completion", json=body)
        return None if answer.status_code == 503 else answer

    answer: httpx.Response = wait_until(accepted, what="the ride is taken in", seconds=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ended(client: httpx.Client, ride: str, *statuses: str) -> dict[str, Any]:
    """Return the ride's collection once it has one of these statuses."""

    def look() -> dict[str, Any] | None:
        answer = client.get(FARES, params={"ride": ride})
        found: dict[str, Any] = answer.json()
        is_there = answer.status_code == 200 and found["status"] in statuses
        return found if is_there and not _is_being_written_down(found) else None

    what = f"the fare of {ride} is {' or '.join(statuses)}"
    found: dict[str, Any] = wait_until(look, what=what, seconds=90)
    return found


def _is_being_written_down(collection: dict[str, Any]) -> bool:
    """Say whether the last step's effect is there, and its answer is yet to be written down."""
    steps = {step["status"] for step in collection["steps"]}
    return collection["status"] in OVER and bool(steps & {"running", "compensating"})


def moved(sandbox: SandboxProcess, collection: dict[str, Any]) -> list[str]:
    return [kind for kind, _ in sandbox.moved(collection["id"])]


def refused_at(collection: dict[str, Any]) -> list[tuple[str, str]]:
    """Return at which steps the history says that something was refused, and why."""
    history = collection["history"]
    return [(item["step"], item["reason"]) for item in history if item["event"] == "refused"]


def assert_ledgers_agree(stage: Stage, sandbox: SandboxProcess) -> None:
    """What is on payment clearing is what the provider has captured less what it has refunded."""
    sums = sandbox.ledger()["sums"]
    kept = Decimal(sums.get("captured", "0")) - Decimal(sums.get("refunded", "0"))
    ((cleared, whole),) = stage.query(
        "SELECT coalesce(sum(amount) FILTER (WHERE account = 'payment_clearing'), 0), sum(amount)"
        " FROM customer_accounting_posting"
    )
    assert (cleared, whole) == (kept, 0)


def test_a_fare_is_collected_and_the_customer_told(
    stage: Stage, accounts: dict[str, Any], unicorn: httpx.Client, sandbox: SandboxProcess
) -> None:
    ride = submit(unicorn, "cmr")

    with client_of(stage, accounts, "cmr") as customer:
        fare = ended(customer, ride, "collected")
        statement = customer.get("/api/v1/customers/me/statement").json()

        def told() -> bool:
            found = customer.get("/api/v1/customers/me/notifications").json()["notifications"]
            return "fare_collected" in {item["kind"] for item in found}

        wait_until(told, what="the customer is told")
    assert [step["status"] for step in fare["steps"]] == ["succeeded"] * 5
    assert moved(sandbox, fare) == ["authorised", "captured"]
    assert statement["balance"] == "0.00"
    assert {entry["receivable"] for entry in statement["entries"]} == {"settled"}
    assert_ledgers_agree(stage, sandbox)


@pytest.mark.parametrize(
    ("customer", "step", "provider"),
    [
        ("cmr-declined", "authorise", []),
        ("cmr-capture", "capture", ["authorised", "released"]),
        ("cmr-closed", "credit", ["authorised", "captured", "refunded"]),
    ],
)
def test_what_fails_leaves_no_money_behind_and_says_where_and_why(
    customer: str,
    step: str,
    provider: list[str],
    stage: Stage,
    accounts: dict[str, Any],
    unicorn: httpx.Client,
    sandbox: SandboxProcess,
) -> None:
    ride = submit(unicorn, customer)

    with client_of(stage, accounts, customer) as client:
        fare = ended(client, ride, "failed")
        statement = client.get("/api/v1/customers/me/statement").json()

    assert (fare["failed_step"], refused_at(fare)) == (step, [(step, fare["reason"])])
    kept = [kind for kind in moved(sandbox, fare) if kind != "declined"]
    assert kept == provider
    assert statement["balance"] == "256.50"
    assert {entry["receivable"] for entry in statement["entries"]} == {"open"}
    assert_ledgers_agree(stage, sandbox)


def test_a_refund_that_fails_waits_for_a_person_and_is_made_then(
    stage: Stage, unicorn: httpx.Client, staff: httpx.Client, sandbox: SandboxProcess
) -> None:
    ride = submit(unicorn, "cmr-refund")

    stuck = ended(staff, ride, "stuck")
    assert stuck["failed_step"] == "capture"
    assert moved(sandbox, stuck)[:2] == ["authorised", "captured"]
    told = "customer_notification_notification WHERE kind = 'fare_stuck'"
    wait_until(lambda: stage.count(told) == 1, what="staff are told")

    rule = {"token": "pm_sandbox_refundFails", "behaviour": "ok"}
    sandbox.control(rules=[rule])
    stage.manage("shell", "--no-imports", "-c", RETRY.format(saga=stuck["id"]))

    fare = ended(staff, ride, "failed")
    assert fare["failed_step"] == "credit"
    assert moved(sandbox, fare)[-1] == "refunded"
    assert_ledgers_agree(stage, sandbox)


def test_the_provider_charges_and_its_answer_is_lost(
    stage: Stage, accounts: dict[str, Any], unicorn: httpx.Client, sandbox: SandboxProcess
) -> None:
    with client_of(stage, accounts, "thandi") as thandi:
        path = "/api/v1/customers/me/payment-methods"
        method = thandi.post(path, json={"token": "pm_sandbox_silent"}).json()
        assert thandi.post(f"{path}/{method['id']}/default").status_code < 300
        ride = submit(unicorn, "thandi")
        fare = ended(thandi, ride, "collected")

    assert moved(sandbox, fare) == ["authorised", "captured"]
    assert_ledgers_agree(stage, sandbox)


def test_a_participant_that_is_away_is_waited_for(
    stage: Stage, unicorn: httpx.Client, staff: httpx.Client, sandbox: SandboxProcess
) -> None:
    stage.kill("payments")
    try:
        rides = [submit(unicorn, "cmr") for _ in range(3)]
        for ride in rides:
            fare = ended(staff, ride, "collecting")
            assert moved(sandbox, fare) == []
    finally:
        stage.start_worker("payments", queues=[PAYMENTS])

    for ride in rides:
        assert moved(sandbox, ended(staff, ride, "collected")) == ["authorised", "captured"]
    assert_ledgers_agree(stage, sandbox)


def test_the_same_ride_completed_twice_is_charged_once(
    stage: Stage, unicorn: httpx.Client, staff: httpx.Client, sandbox: SandboxProcess
) -> None:
    first = submit(unicorn, "cmr", ride="the-same-ride")
    again = unicorn.post(
        "/submit-ride-completion", json={**RIDE, "customer": "cmr", "ride": "the-same-ride"}
    )
    assert again.status_code == 409
    fare = ended(staff, "the-same-ride", "collected")
    assert fare["ride_completion"] == first

    assert stage.count(f"fare_collection_farecollection WHERE ride_completion = '{first}'") == 1
    assert moved(sandbox, fare) == ["authorised", "captured"]


def test_staff_give_a_fare_back_and_the_customer_sees_it(
    stage: Stage,
    accounts: dict[str, Any],
    unicorn: httpx.Client,
    staff: httpx.Client,
    sandbox: SandboxProcess,
) -> None:
    ride = submit(unicorn, "pieter", fare=100)
    fare = ended(staff, ride, "collected")

    order = {"amount": "40.00", "reason": "The unicorn took a detour."}
    answer = staff.post(f"{FARES}/{fare['id']}/refund", json=order)
    assert answer.status_code == 202

    def refunded() -> bool:
        return bool(staff.get(answer.headers["Location"]).json()["status"] == "refunded")

    wait_until(refunded, what="the refund is made")
    assert sandbox.moved(fare["id"])[-1] == ("refunded", "40.00")
    with client_of(stage, accounts, "pieter") as pieter:
        statement = pieter.get("/api/v1/customers/me/statement").json()
        assert statement["entries"][0]["kind"] == "refund"
        assert pieter.get(f"{FARES}/{fare['id']}").json()["refunded"] == "40.00"
    assert_ledgers_agree(stage, sandbox)


def test_five_hundred_at_once_are_each_charged_once(
    stage: Stage, unicorn: httpx.Client, sandbox: SandboxProcess
) -> None:
    before = stage.count("fare_collection_farecollection WHERE status = 'collected'")
    customers = ["cmr", "pieter", "cmr-declined", "cmr-closed"]
    items = [
        {**RIDE, "customer": customers[n % 4], "fare": f"{10 + n / 100:.2f}"} for n in range(500)
    ]

    def accepted() -> bool:
        path, body = "/api/v1/ride-completions/batch", {"items": items}
        return unicorn.post(path, json=body, timeout=60).status_code == 201

    wait_until(accepted, what="five hundred rides are taken in", seconds=60)

    def over() -> bool:
        return stage.count("wildrydes_saga WHERE status IN ('running', 'compensating')") == 0

    begun = "wildrydes_saga WHERE definition = 'fare_collection.collect'"
    total = stage.count("unicorn_management_ridecompletion")
    wait_until(lambda: stage.count(begun) == total, what="every saga has begun", seconds=60)
    wait_until(over, what="every saga has ended", seconds=150)
    collected = stage.count("fare_collection_farecollection WHERE status = 'collected'")
    assert collected == before + 250
    assert stage.count("wildrydes_saga WHERE status = 'stuck'") == 0
    captured = [
        item["reference"] for item in sandbox.ledger()["movements"] if item["kind"] == "captured"
    ]
    assert len(captured) == len(set(captured))
    assert_ledgers_agree(stage, sandbox)
