"""One fault from beginning to end: load, harm, load, quiet, audit."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
import redis

from tests.acceptance.stage import wait_until
from tests.faults import effects, fares, payers, prebookings, quotes, sagas
from tests.faults.asking import Asking, Told, quotes_keep_being_asked
from tests.faults.audit import Findings, Ledger, audit
from tests.faults.injections.processes import NotReachedError
from tests.faults.load import BESIDE_QUOTES, STYLES, Accepted, Style, rides_keep_coming
from tests.faults.payers import Ordered, fares_keep_being_refunded
from tests.faults.prebooking import Prebooked, rides_keep_being_prebooked
from tests.faults.report import Row
from tests.faults.servers import Ground, Scene, Setting
from tests.faults.starting import PLANS, Started, sagas_keep_starting
from tests.faults.topology import QUEUE_NAMES

QUIET_SECONDS = 60.0
ACCEPTING_SECONDS = 60.0
RIDES_BETWEEN = 25
LOOKS = 5
FARES_BETWEEN = 10  # those who pay ride seldom
STAFF = 2
PLAIN = Setting("one web, one relay, two workers")

Found = TypeVar("Found")


@dataclass(frozen=True)
class Fault:
    """One row of the matrix; each injection is a run, and the rounds repeat them.

    A run is waited for, until all that was accepted before its end is done, unless the harm is to
    fall into the recovery from the harm before: then it is `relentless`. Beside the rides, `asks`
    are requests for quotes; an `outage` is harm while which none can be closed; `sagas` says that
    sagas are started, `prebookings` that rides are prebooked in bursts, and `fares` that the rides
    are those of customers who pay for them.
    """

    name: str
    injections: tuple[Callable[[Scene], float], ...]
    setting: Setting = PLAIN
    rounds: int = 1
    relentless: bool = False
    short: bool = False
    asks: Sequence[Asking] = ()
    outage: bool = False
    sagas: bool = False
    prebookings: bool = False
    fares: bool = False


@dataclass
class Load:
    """What went on while the fault was injected: who was told what, when harm ended, what broke."""

    accepted: Accepted
    told: Told
    started: Started
    prebooked: Prebooked
    ordered: Ordered
    ended: list[float] = field(default_factory=list)
    outages: list[tuple[float, float]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Experiment:
    """A row that needs more than one deployment of ours; it is told how many rounds to make."""

    name: str
    run: Callable[[Ground, int], Row]
    short: bool = False


def run(fault: Fault, scene: Scene) -> Row:
    """Inject the fault under load, wait for quiet, and audit what was accepted."""
    began = time.monotonic()
    deaths = len(scene.deployment.deaths)
    with scene.sql() as connection:
        since = Ledger(connection).position()
    with _load(fault, scene) as load:
        try:
            _inject_all(fault, scene, load)
        except (AssertionError, OSError, psycopg.Error, redis.RedisError) as error:
            load.broken.append(f"{type(error).__name__}: {error}")
    row = _examine(fault, scene, load, since=since)
    died = Counter(f"{death.name} {death.code}" for death in scene.deployment.deaths[deaths:])
    _say(row, load, died, seconds=time.monotonic() - began)
    return row


@contextmanager
def _load(fault: Fault, scene: Scene) -> Iterator[Load]:
    url, ground = scene.deployment.url, scene.ground
    people = STAFF if fault.fares else 0
    with (
        rides_keep_coming(url=url, token=ground.token, styles=_styles(fault)) as accepted,
        quotes_keep_being_asked(url=url, ground=ground, styles=fault.asks) as told,
        sagas_keep_starting(url=url, plans=PLANS if fault.sagas else ()) as started,
        rides_keep_being_prebooked(scene, wanted=fault.prebookings) as prebooked,
        fares_keep_being_refunded(url=url, token=ground.staff, people=people) as ordered,
    ):
        yield Load(accepted, told, started, prebooked, ordered)


def _styles(fault: Fault) -> Sequence[Style]:
    if fault.fares:
        return payers.STYLES
    return BESIDE_QUOTES if fault.asks or fault.sagas or fault.prebookings else STYLES


def _inject_all(fault: Fault, scene: Scene, load: Load) -> None:
    some = FARES_BETWEEN if fault.fares else RIDES_BETWEEN
    for _ in range(fault.rounds):
        for inject in fault.injections:
            wait_for_rides(load.accepted, some=some)
            began = time.time()
            try:
                load.ended.append(inject(scene))
            except NotReachedError as error:
                load.broken.append(str(error))
            if fault.outage:
                load.outages.append((began, load.ended[-1]))
            if not fault.relentless:
                _wait_for_recovery(scene)
    wait_for_rides(load.accepted, some=some)


def _wait_for_recovery(scene: Scene) -> None:
    with scene.sql() as connection:
        ledger = Ledger(connection)
        position = ledger.position()
        wait_until(
            lambda: ledger.is_done_up_to(position),
            what="what was accepted before the end of the fault is done",
            seconds=QUIET_SECONDS,
        )


def wait_for_rides(accepted: Accepted, *, some: int = RIDES_BETWEEN) -> None:
    """Wait until some more rides are accepted."""
    enough = len(accepted.rides) + some
    wait_until(
        lambda: len(accepted.rides) >= enough,
        what=f"{some} rides are accepted",
        seconds=ACCEPTING_SECONDS,
    )


def _examine(fault: Fault, scene: Scene, load: Load, *, since: int) -> Row:
    with scene.sql() as connection:
        ledger = Ledger(connection)
        if fault.fares:
            still_open = wait_for_quiet(ledger, scene)
            load.broken.extend(_not_quiet(still_open) or fares.resolve(ledger, scene))
        row, still_open = at_rest(
            ledger, scene, lambda: _judge(fault, scene, load, ledger, since=since)
        )
    row.findings.broken[:0] = [*load.broken, *_not_quiet(still_open)]
    return row


def _not_quiet(still_open: Mapping[str, int]) -> list[str]:
    return [f"not quiet after {QUIET_SECONDS:.0f} s: {still_open}"] if still_open else []


def _judge(fault: Fault, scene: Scene, load: Load, ledger: Ledger, *, since: int) -> Row:
    lake = effects.lake_ids(scene.deployment.directory / "lake")
    findings = audit(ledger, since=since, accepted=load.accepted, lake=lake)
    overshoots = quotes.check(
        ledger.rows, since=since, told=load.told, findings=findings, outages=load.outages
    )
    endings = sagas.check(ledger.rows, since=since, started=load.started, findings=findings)
    prebookings_ended = prebookings.check(
        ledger.rows, since=since, prebooked=load.prebooked, findings=findings
    )
    if fault.fares:
        endings = fares.check(scene, since=since, ordered=load.ordered, findings=findings)
    ends = [ledger.recovery(since=since, ended_at=moment) for moment in load.ended]
    return Row(
        fault.name,
        len(ends),
        findings,
        [seconds for seconds, _ in ends],
        overshoots,
        endings,
        prebookings_ended,
        last=max(ends, default=(0, ""))[1],
    )


def at_rest(
    ledger: Ledger, scene: Scene, look: Callable[[], Found]
) -> tuple[Found, dict[str, int]]:
    """Return what is found while nothing goes on; and what was open still, if it never ended.

    A schedule may begin something at any moment: then it is waited for, and looked at anew.
    """
    for _ in range(LOOKS):
        still_open = wait_for_quiet(ledger, scene)
        position = ledger.position()
        if ledger.open() and not still_open:
            continue
        found = look()
        if still_open or ledger.position() == position:
            return found, still_open
    return look(), {"messages that keep coming": ledger.position() - position}


def wait_for_quiet(ledger: Ledger, scene: Scene) -> dict[str, int]:
    """Wait until nothing is open, in Postgres and on the wire; return what still is."""
    client = scene.redis()

    def open_now() -> dict[str, int]:
        on_the_wire = {queue: int(client.llen(queue)) for queue in QUEUE_NAMES}
        return ledger.open() | {queue: count for queue, count in on_the_wire.items() if count}

    deadline = time.monotonic() + QUIET_SECONDS
    while (still_open := open_now()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return still_open


def _say(row: Row, load: Load, died: Counter[str], *, seconds: float) -> None:
    """Tell on stderr how it went, while the next fault is under way."""
    lines = [
        f"{row.fault}: {len(load.accepted.rides)} rides told yes, {row.events} events, "
        f"{seconds:.0f} s",
        *(f"  {line}" for line in quotes.summary(row.overshoots, load.told)),
        *(f"  {line}" for line in sagas.summary(row.sagas, load.started)),
        *(f"  {line}" for line in prebookings.summary(row.prebookings, load.prebooked)),
        *(f"  {line}" for line in fares.summary(row.sagas, load.ordered)),
        f"  recovery {row.p50:.2f} / {row.p99:.2f} s, {row.last} last; ended {dict(died)}",
        f"  refused {dict(load.accepted.refusals)}",
        *(f"  BROKEN {text}" for text in row.complaints),
    ]
    sys.stderr.write("\n".join(lines) + "\n")


__all__ = ["PLAIN", "Fault", "Findings", "at_rest", "run"]
