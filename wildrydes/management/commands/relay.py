"""`manage.py relay`: run one message relay in the foreground."""

import signal
from datetime import timedelta
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from wildrydes import (
    deduplication,
    doctor,
    first_answers,
    garbage,
    redrives,
    requests,
    saga,
    schedules,
)
from wildrydes.relay import Relay, homes
from wildrydes.relay.chores import Chore

CHORES = (
    Chore(homes.settle, every=timedelta(seconds=10)),
    Chore(saga.wake_due, every=timedelta(seconds=0.25)),
    Chore(redrives.advance, every=timedelta(seconds=0.5)),
    Chore(requests.time_out, every=timedelta(seconds=1)),
    Chore(deduplication.purge, every=timedelta(seconds=1)),
    Chore(first_answers.purge, every=timedelta(seconds=5)),
    Chore(schedules.Timer().send_due, every=timedelta(seconds=1)),
    Chore(doctor.forget, every=timedelta(minutes=10)),
)


class Command(BaseCommand):
    """Take committed messages to the queues until stopped."""

    help = (
        "Run one message relay in the foreground: it takes committed messages from Postgres to "
        "the subscribers' queues. Any number may run at once. SIGTERM or SIGINT ends it after "
        "the turn at hand."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        with Relay(chores=CHORES) as relay:

            def stop(signum: int, frame: FrameType | None) -> None:
                relay.stop()

            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)
            garbage.leave_alone_what_is_loaded()
            relay.run()
