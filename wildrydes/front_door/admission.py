"""Load Shedding: when what was accepted is not carried out in time, no more is accepted.

The pressure is the age of the oldest thing that waits, as a share of its limit: a message that no
relay has routed, or one that waits for a place in a queue which has such a limit and a consumer
that is there. A subscriber that is down has its messages kept for it, and stops nobody.

Guarantee: from a pressure of 1 on new work is answered 503 with Retry-After, until it has sunk
well below; what matters less is refused from half of that on. What was accepted stays accepted.
Does not guarantee: that nothing is accepted in the fraction of a second before the pressure is
seen. While Postgres does not answer the door is as it was; requests fail by themselves then.
Source: Nygard, Release It! (Shed Load, Back Pressure); promise 8 of the design.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from django.db import DatabaseError, InterfaceError, connection
from prometheus_client import Counter, Gauge

from wildrydes import topology
from wildrydes.conf import kernel_settings
from wildrydes.front_door import figures

log = structlog.get_logger(__name__)

REFUSED = Counter("wildrydes_requests_refused", "Requests refused because of overload.")
PRESSURE = Gauge(
    "wildrydes_admission_pressure",
    "Age of the oldest waiting message as a share of its limit; from 1 on work is refused.",
    multiprocess_mode="max",
)

LOOK_SECONDS = 0.25
OPENS_AGAIN_AT = 0.8
LESS_PATIENCE = 0.5
ASKS_FOR_LITTLE = frozenset({"GET", "HEAD", "OPTIONS"})

OLDEST_IN_QUEUES = """
SELECT queue.name, extract(epoch FROM clock_timestamp() - oldest.created_at)
FROM unnest(%s::text[]) AS queue (name)
CROSS JOIN LATERAL (
    SELECT created_at FROM wildrydes_dispatch
    WHERE queue = queue.name AND sent_at IS NULL AND source = 'log'
    ORDER BY position LIMIT 1
) AS oldest
WHERE EXISTS (
    SELECT 1 FROM wildrydes_consumer
    WHERE queue = queue.name AND last_seen > now() - interval '15 seconds'
)
"""


def pressure() -> float:
    """Return the greatest age of anything that waits, as a share of its limit."""
    limits = {
        queue.name: queue.refuse_beyond.total_seconds()
        for queue in topology.current().queues
        if queue.refuse_beyond is not None
    }
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_IN_QUEUES, [list(limits)])
        shares = [float(age) / limits[name] for name, age in cursor.fetchall()]
    lag_limit = kernel_settings().admission_lag.total_seconds()
    return max([figures.relay_lag_seconds() / lag_limit, *shares])


@dataclass
class Admission:
    """Who may come in. `guarded` are the paths of new work; `refused_last` the most important.

    Both are beginnings of paths. Whoever only asks, logs in or puts things right always may.
    """

    guarded: Sequence[str]
    refused_last: Sequence[str]
    measure: Callable[[], float] = pressure
    _refuses: dict[float, bool] = field(
        default_factory=lambda: {1.0: False, LESS_PATIENCE: False}, init=False
    )

    def admits(self, method: str, path: str) -> bool:
        """Say whether a request may come in. Costs no look at anything but memory."""
        if method in ASKS_FOR_LITTLE or not path.startswith(tuple(self.guarded)):
            return True
        limit = 1.0 if path.startswith(tuple(self.refused_last)) else LESS_PATIENCE
        if self._refuses[limit]:
            REFUSED.inc()
            return False
        return True

    def look(self) -> None:
        """Measure the pressure, and open or close the door for each kind of work."""
        now = self.measure()
        PRESSURE.set(now)
        for limit, refuses in self._refuses.items():
            closes = now >= (limit * OPENS_AGAIN_AT if refuses else limit)
            if closes != refuses:
                self._refuses[limit] = closes
                log.warning("admission", refuses=closes, stage=limit, pressure=round(now, 2))

    def keep_looking(self) -> None:
        """Look four times a second, in a thread of its own, until the process ends."""
        threading.Thread(target=self._watch, name="admission", daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.look()
            except (DatabaseError, InterfaceError) as error:
                log.debug("admission_blind", error=str(error))
                connection.close()
            pause.wait(LOOK_SECONDS)
