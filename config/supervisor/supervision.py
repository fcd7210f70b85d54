"""Watch services, start again what ends, and stop everything in order.

Guarantee: `stop` returns within the sum of the stages' times, and then none of the services'
process groups is left.
Does not guarantee: that a service which keeps ending ever runs; it is tried again, ever slower.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from config.embedded import errors as embedded_errors
from config.supervisor import backoff, services

CHECK_SECONDS = 1.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Say = Callable[[str], None]


class StopRequested(KeyboardInterrupt):
    """Somebody asked for an end: Ctrl-C, SIGTERM, or the terminal was closed."""


@dataclass(frozen=True)
class Stage:
    """Services that are stopped together, and the seconds they have for it."""

    names: frozenset[str]
    seconds: float


@dataclass
class _Watched:
    service: services.Service
    started_at: float
    failures: int = 0
    due_at: float | None = None


class Supervisor:
    """The services that run, in the order in which they were started."""

    def __init__(self, *, stages: tuple[Stage, ...], say: Say) -> None:
        self._stages = stages
        self._say = say
        self._watched: list[_Watched] = []

    def start(self, service: services.Service) -> None:
        """Start a service and look after it from now on."""
        watched = _Watched(service=service, started_at=time.monotonic())
        self._watched.append(watched)
        service.start()

    def watch(self) -> None:
        """Start again what ends, until `StopRequested` is raised by a signal."""
        with _woken_by_signals() as woken:
            while True:
                for watched in self._watched:
                    self._look_after(watched)
                select.select([woken], [], [], self._pause())
                with contextlib.suppress(BlockingIOError):
                    woken.recv(4096)

    def fallen(self) -> services.Service | None:
        """Return a service that is not running, if there is one."""
        for watched in self._watched:
            if not watched.service.is_running:
                return watched.service
        return None

    def stop(self) -> None:
        """Stop everything, one stage after the other, by force where time runs out."""
        running = [watched.service for watched in self._watched]
        for stage in self._stages:
            together = [service for service in running if service.name in stage.names]
            deadline = time.monotonic() + stage.seconds
            for service in together:
                service.ask_to_stop()
            for service in together:
                service.stop(seconds=max(0.1, deadline - time.monotonic()))
        self._watched.clear()

    def _look_after(self, watched: _Watched) -> None:
        now = time.monotonic()
        if watched.service.is_running:
            return
        if watched.due_at is None:
            lived = now - watched.started_at
            watched.failures = backoff.count_failure(watched.failures, lived_seconds=lived)
            delay = backoff.next_delay(watched.failures)
            watched.due_at = now + delay
            self._say(f"{describe_end(watched.service)}; starting it again{_after(delay)}.")
        if now >= watched.due_at:
            self._start_again(watched)

    def _start_again(self, watched: _Watched) -> None:
        watched.due_at = None
        watched.started_at = time.monotonic()
        try:
            watched.service.start()
        except (embedded_errors.EmbeddedServerError, OSError) as error:
            self._say(f"{watched.service.name} could not be started: {error}")
        else:
            self._say(f"{watched.service.name} runs again as process {watched.service.pid}.")

    def _pause(self) -> float:
        due = [watched.due_at for watched in self._watched if watched.due_at is not None]
        return min([CHECK_SECONDS, *(max(0.0, at - time.monotonic()) for at in due)])


def describe_end(service: services.Service) -> str:
    """Return one phrase that says which service ended, how, and where it wrote."""
    code = service.exit_code
    if code is None:
        how = "ended"
    elif code < 0:
        how = f"was killed by {signal.Signals(-code).name}"
    else:
        how = f"ended with status {code}"
    return f"{service.name} {how} (see {service.log_file})"


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Turn the first SIGINT, SIGTERM or SIGHUP inside the block into `StopRequested`."""

    def request_stop(number: int, frame: FrameType | None) -> None:
        for other in STOP_SIGNALS:
            signal.signal(other, _ignore)
        raise StopRequested

    with _handled_by(request_stop):
        yield


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let no Ctrl-C break off the block."""
    with _handled_by(_ignore):
        yield


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    previous = {number: signal.signal(number, handler) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, last in previous.items():
            signal.signal(number, last)


@contextlib.contextmanager
def _woken_by_signals() -> Iterator[socket.socket]:
    """Yield a socket that becomes readable when a child ends."""
    receiver, sender = socket.socketpair()
    receiver.setblocking(False)
    sender.setblocking(False)
    previous_handler = signal.signal(signal.SIGCHLD, _ignore)
    previous_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    try:
        yield receiver
    finally:
        signal.set_wakeup_fd(previous_fd)
        signal.signal(signal.SIGCHLD, previous_handler)
        receiver.close()
        sender.close()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing, unlike SIG_IGN also in children that are started meanwhile."""


def _after(seconds: float) -> str:
    return f" in {seconds:g} s" if seconds else ""
