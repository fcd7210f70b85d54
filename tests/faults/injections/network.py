"""Harm to the network between our processes and their servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.faults.proxy import Proxy, Weather
from tests.faults.servers import Scene

LASTS_SECONDS = 4.0
Fault = Callable[[Scene], float]


def delay(*servers: str, seconds: float) -> Fault:
    """Return a fault: every byte takes longer, both ways."""
    return _bad_weather(servers, Weather(delay=seconds))


def drop_replies(*servers: str, share: float) -> Fault:
    """Return a fault: what was asked is done, but often the reply is lost with the connection."""
    return _bad_weather(servers, Weather(drops=share))


def black_hole(*servers: str, lasts: float = LASTS_SECONDS) -> Fault:
    """Return a fault: every byte vanishes; at the end the connections that lost some are reset."""
    return _bad_weather(servers, Weather(black_hole=True), lasts=lasts)


def half_open(*servers: str, lasts: float = 1.0) -> Fault:
    """Return a fault: as a black hole, but the connections stay open and dead for ever."""
    return _bad_weather(servers, Weather(black_hole=True), lasts=lasts, forget_the_lost=True)


def refuse(*servers: str) -> Fault:
    """Return a fault: every connection is reset, and no new one is taken for a while."""

    def inject(scene: Scene) -> float:
        with _weather(scene, servers, Weather(refuses=True)) as proxies:
            for proxy in proxies:
                proxy.reset_all()
            time.sleep(LASTS_SECONDS)
        return time.time()

    return inject


def reset(*servers: str) -> Fault:
    """Return a fault: every connection is reset, several times within a second."""

    def inject(scene: Scene) -> float:
        for _ in range(5):
            for server in servers:
                scene.proxies[server].reset_all()
            time.sleep(0.2)
        return time.time()

    return inject


def _bad_weather(
    servers: tuple[str, ...],
    weather: Weather,
    *,
    lasts: float = LASTS_SECONDS,
    forget_the_lost: bool = False,
) -> Fault:
    def inject(scene: Scene) -> float:
        with _weather(scene, servers, weather, forget_the_lost=forget_the_lost):
            time.sleep(lasts)
        return time.time()

    return inject


@contextmanager
def _weather(
    scene: Scene, servers: tuple[str, ...], weather: Weather, *, forget_the_lost: bool = False
) -> Iterator[list[Proxy]]:
    proxies = [scene.proxies[server] for server in servers]
    for proxy in proxies:
        proxy.weather = weather
    try:
        yield proxies
    finally:
        for proxy in proxies:
            proxy.clear(forget_the_lost=forget_the_lost)
