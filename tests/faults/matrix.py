"""The fault matrix: every fault, in which setting, how often."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from apps.unicorn_management.messages import FLEETS
from config.topology import BUFFERS
from tests.faults import asking
from tests.faults.injections import (
    fleets,
    network,
    participants,
    poison,
    postgres,
    processes,
    provider,
    redis,
    wire,
)
from tests.faults.running import PLAIN, Fault
from tests.faults.servers import Scene, Setting
from tests.faults.topology import DOING, UNDOING
from wildrydes.crashpoints import POINTS

PERSISTENT = Setting("Redis with persistence", persistent=True)
PROXIED = Setting("a proxy before Redis and Postgres", proxied=True)
TWO_OF_EVERYTHING = Setting("two relays, four workers", relays=2, workers=4)
SOME_FLEETS_APART = Setting(
    "two relays, a worker for half of the fleets, one for the rest",
    relays=2,
    apart=(tuple(f"unicorn_management.fleet.{name}" for name in FLEETS[::2]),),
)
STEPS_APART = Setting(
    "a worker for the steps of sagas, one for their compensations, one for the rest",
    workers=3,
    apart=(DOING, UNDOING),
)
BUFFERS_APART = Setting(
    "two relays, two workers for the buffers of prebookings, one for the rest",
    relays=2,
    workers=3,
    apart=(BUFFERS, BUFFERS),
)

PAYING = Setting(
    "a provider; a worker for the payments, one for the books of them, one for the rest",
    workers=3,
    settings="tests.faults.with_fares",
    apart=(("customer_payment",), ("customer_accounting.payments",)),
    provider=True,
)

ACROSS_DATABASES = ("relay.acknowledging", "relay.acknowledged")
ELSEWHERE = ("scatter.", "saga.", "answer.")  # reached by other work than the sending of rides
SHORT_POINTS = ("relay.committed", "worker.committed")
IN_TURN = (1, 4)
SCATTER_POINTS = {
    "scatter.recording": (("worker2", 1),),
    "scatter.recorded": (("worker2", 1),),
    "scatter.closing": (("relay1", 1),),
    "scatter.closed": (("relay1", 4),),
}
STEPS, COMPENSATIONS, ORCHESTRATOR = "worker1", "worker2", "worker3"
BOTH = (STEPS, COMPENSATIONS)
SAGA_POINTS = {
    "publish.stored": ("web", ORCHESTRATOR),
    "publish.committed": ("web",),
    "relay.claimed": ("relay1",),
    "relay.committed": ("relay1",),
    "relay.sent": ("relay1",),
    "worker.received": BOTH,
    "worker.claimed": BOTH,
    "worker.handled": BOTH,
    "worker.committed": BOTH,
    "outside.before": BOTH,
    "outside.after": BOTH,
    "saga.recording": (ORCHESTRATOR,),
    "saga.recorded": (ORCHESTRATOR,),
}
PAYMENTS = "worker1"
A_MINUTE = 60.0
A_WHILE = 15.0


def faults() -> list[Fault]:
    """Return every fault, those of one setting next to each other."""
    return [
        *_crash_points(),
        *_processes(),
        *_redis(),
        *_postgres(),
        *_wire(),
        *_poison(),
        *_quotes(),
        *_persistent_redis(),
        *_network(),
        *_two_of_everything(),
        *_quotes_with_some_fleets_apart(),
        *_sagas(),
        *_prebookings(),
        *_fares(),
    ]


def _crash_points() -> Iterator[Fault]:
    for point in POINTS:
        if point not in ACROSS_DATABASES and not point.startswith(ELSEWHERE):
            places = _places(point)
            provoke = redis.flush if point == "relay.resending" else None
            yield Fault(
                f"crash point {point}",
                tuple(
                    processes.crash_at(point, name=name, nth=nth, provoke=provoke)
                    for name in places
                    for nth in IN_TURN
                ),
                short=point in SHORT_POINTS,
            )


def _places(point: str) -> tuple[str, ...]:
    """Return the processes that reach a crash point."""
    where, _, _ = point.partition(".")
    return {"publish": ("web", "worker1"), "relay": ("relay1",)}.get(where, ("worker1",))


def _processes() -> Iterator[Fault]:
    yield Fault("kill -9 of a worker", (processes.kill_a_worker,), rounds=20, short=True)
    yield Fault("kill -9 of any process", (processes.kill_any,), rounds=15)
    yield Fault("kill -9 of all processes at once", (processes.kill_all,), rounds=3)
    yield Fault("SIGTERM to each process", (processes.stop_each,))
    yield Fault("SIGTERM twice to each process", (processes.stop_each_twice,))
    yield Fault("SIGQUIT to each process", (processes.quit_each,))
    for kind in ("worker", "relay", "web"):
        name = f"SIGSTOP of the {kind} past its lease, SIGCONT"
        yield Fault(name, (processes.freeze(kind),))


def _redis() -> Iterator[Fault]:
    yield Fault("Redis: FLUSHALL", (redis.flush,), rounds=12, short=True)
    yield Fault("Redis: kill -9, started empty", (redis.kill_and_start,), rounds=3)
    yield Fault("Redis: unacked* deleted", (redis.delete("unacked*"),), rounds=5)
    yield Fault("Redis: bindings deleted", (redis.delete("_kombu.binding*"),), rounds=5)
    yield Fault("Redis: full (maxmemory, noeviction)", (redis.fill,), rounds=3)
    yield Fault("Redis: CLIENT PAUSE for 30 s", (redis.pause(30),))
    yield Fault("Redis: SIGSTOP for 10 s", (redis.freeze(10),))


def _postgres() -> Iterator[Fault]:
    yield Fault(
        "Postgres: immediate restart",
        (postgres.restart_at_once, postgres.kill_and_start),
        rounds=3,
        short=True,
    )
    yield Fault("Postgres: backends terminated", (postgres.terminate_backends,), rounds=6)
    yield Fault(
        "Postgres: tables and rows locked",
        (
            postgres.lock_table("wildrydes_receipt"),
            postgres.lock_table("wildrydes_message"),
            postgres.lock_table("wildrydes_dispatch"),
            postgres.lock_rows,
            postgres.lock_table("customer_accounting_journalentry", seconds=33),
        ),
    )
    yield Fault("Postgres: connections exhausted", (postgres.exhaust_connections,), rounds=2)


def _wire() -> Iterator[Fault]:
    yield Fault("wire: every message pushed twice", (wire.double,), rounds=2, short=True)
    yield Fault("wire: queues shuffled", (wire.shuffle,), rounds=2)


def _poison() -> Iterator[Fault]:
    yield Fault("poison: bad JSON on a queue", (wire.garbage,), rounds=3)
    yield Fault("poison: unknown types and versions", (wire.unknown_types,), rounds=3)
    yield Fault("poison: a huge body", (wire.huge,), rounds=2)
    for behaviour in ("raise", "exit", "hang", "eat"):
        injections = (poison.send(behaviour), poison.send(behaviour, innocent=200, poisonous=3))
        yield Fault(f"poison: a handler that {behaviour}s", injections, short=behaviour == "hang")


def _quotes() -> Iterator[Fault]:
    yield Fault(
        "quotes: FLUSHALL while requests are open",
        (redis.flush,),
        rounds=5,
        short=True,
        asks=asking.SOME,
    )
    yield Fault(
        "quotes: Redis kill -9, started empty", (redis.kill_and_start,), rounds=2, asks=asking.SOME
    )
    yield Fault(
        "quotes: Postgres restarted at once",
        (postgres.restart_at_once,),
        asks=asking.SOME,
        outage=True,
    )
    yield Fault("quotes: every message pushed twice", (wire.double,), asks=asking.SOME)
    yield Fault("quotes: a fleet lies", (fleets.lie,), asks=asking.SOME)
    yield Fault(
        "quotes: fleets are slow, or late",
        (postgres.lock_table("unicorn_management_openrequests"), fleets.answer_late),
        asks=asking.SOME,
    )


def _quotes_with_some_fleets_apart() -> Iterator[Fault]:
    for name, harm, rounds in (
        ("SIGSTOP of a responder's worker, SIGCONT", fleets.freeze_the_responder, 1),
        ("kill -9 of a responder's worker", fleets.kill_the_responder, 2),
        ("SIGSTOP of the gathering's worker, SIGCONT", fleets.freeze_the_gathering, 1),
    ):
        yield Fault(f"quotes: {name}", (harm,), SOME_FLEETS_APART, rounds=rounds, asks=asking.SOME)
    for point, places in SCATTER_POINTS.items():
        yield Fault(
            f"quotes: crash point {point}",
            tuple(processes.crash_at(point, name=name, nth=nth) for name, nth in places),
            SOME_FLEETS_APART,
            asks=asking.SOME,
        )
    yield Fault(
        "quotes: kill -9 of any process, 1,000 requests in the air",
        (fleets.kill_any_but_the_last_timekeeper,),
        SOME_FLEETS_APART,
        rounds=8,
        relentless=True,
        asks=asking.A_THOUSAND,
    )


def _sagas() -> Iterator[Fault]:
    for point, places in SAGA_POINTS.items():
        crashes = tuple(
            processes.crash_at(point, name=name, nth=nth)
            for name, nth in zip(places, IN_TURN, strict=False)
        )
        yield Fault(f"sagas: crash point {point}", crashes, STEPS_APART, sagas=True)
    for name, harms, rounds in (
        ("kill -9 of any process", (processes.kill_any_in_a_while,), 50),
        ("kill -9 of all processes at once", (processes.kill_all,), 2),
        ("FLUSHALL in flight", (redis.flush,), 3),
        ("Redis kill -9, started empty", (redis.kill_and_start,), 2),
        ("Postgres restarted at once", (postgres.restart_at_once, postgres.kill_and_start), 1),
        ("every message pushed twice", (wire.double,), 1),
        ("queues shuffled", (wire.shuffle,), 1),
        ("participants down for a while", (participants.down(STEPS, seconds=A_WHILE),), 1),
        (
            "who undoes is down for a while",
            (participants.down(COMPENSATIONS, seconds=A_WHILE),),
            1,
        ),
    ):
        yield Fault(
            f"sagas: {name}",
            harms,
            STEPS_APART,
            rounds,
            relentless=name == "kill -9 of any process",
            sagas=True,
        )


def _prebookings() -> Iterator[Fault]:
    for name, harms, rounds in (
        ("kill -9 of any process", (processes.kill_any_in_a_while,), 15),
        ("kill -9 of all processes at once", (processes.kill_all,), 2),
        ("FLUSHALL", (redis.flush,), 3),
        ("Redis kill -9, started empty", (redis.kill_and_start,), 2),
        ("Postgres restarted at once", (postgres.restart_at_once, postgres.kill_and_start), 1),
        ("every message pushed twice", (wire.double,), 1),
    ):
        yield Fault(
            f"prebookings: {name}",
            harms,
            BUFFERS_APART,
            rounds,
            relentless=name == "kill -9 of any process",
            prebookings=True,
        )


def _fares() -> Iterator[Fault]:
    for name, harms, rounds in (
        (
            "the provider is moody, down, silent, answers 500",
            (
                provider.is_moody,
                provider.down(4),
                provider.behaves("silent", seconds=2),
                provider.behaves("500then200", seconds=2),
            ),
            1,
        ),
        ("the provider kill -9, started again", (provider.kill_and_start,), 1),
        ("who charges dies around it", _deaths_around_a_charge(), 1),
        ("kill -9 of any process", (processes.kill_any_in_a_while,), 8),
        ("FLUSHALL in flight", (redis.flush,), 2),
        ("Postgres restarted at once", (postgres.restart_at_once, postgres.kill_and_start), 1),
        (
            "who charges, and gives back, is down for a minute",
            (participants.down(PAYMENTS, seconds=A_MINUTE),),
            1,
        ),
    ):
        yield Fault(
            f"fares: {name}",
            harms,
            PAYING,
            rounds,
            relentless=name == "kill -9 of any process",
            fares=True,
        )


def _deaths_around_a_charge() -> tuple[Callable[[Scene], float], ...]:
    return tuple(
        processes.crash_at(point, name=PAYMENTS, nth=nth)
        for point in ("outside.before", "outside.after", "worker.committed")
        for nth in IN_TURN
    )


def _persistent_redis() -> Iterator[Fault]:
    yield Fault(
        "Redis: kill -9, started with its data", (redis.kill_and_start,), PERSISTENT, rounds=5
    )


def _network() -> Iterator[Fault]:
    both = ("redis", "postgres")
    yield Fault("network: 20 ms of delay", (network.delay(*both, seconds=0.02),), PROXIED)
    for name, harm in (("reset", network.reset), ("refused", network.refuse)):
        yield Fault(
            f"network: connections {name}",
            (harm("redis"), harm("postgres"), harm(*both)),
            PROXIED,
        )
    yield Fault(
        "network: black hole",
        (
            network.black_hole("redis"),
            network.black_hole("postgres"),
            network.black_hole(*both, lasts=12),
        ),
        PROXIED,
    )
    yield Fault("network: half-open connections to Redis", (network.half_open("redis"),), PROXIED)
    yield Fault(
        "network: reply dropped after it was applied",
        (
            network.drop_replies("redis", share=0.05),
            network.drop_replies("postgres", share=0.02),
            network.drop_replies(*both, share=0.02),
        ),
        PROXIED,
    )


def _two_of_everything() -> Iterator[Fault]:
    yield Fault(
        "two of everything: rolling restart", (processes.restart_all_in_turn,), TWO_OF_EVERYTHING
    )
    yield Fault(
        "two of everything: kill -9, one after the other",
        (processes.kill_any_in_a_while,),
        TWO_OF_EVERYTHING,
        rounds=50,
        relentless=True,
    )


__all__ = ["PLAIN", "faults"]
