"""Start-up checks: a topology or setting that would lose work is refused before any is taken.

`manage.py check` runs them all; so does every command that starts a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks

from wildrydes import filters, redis, subscriptions, topology, wire
from wildrydes.errors import ConfigurationError
from wildrydes.topology import Topology

Check = Callable[[Topology], Iterable[checks.CheckMessage]]


@checks.register("wildrydes")
def check_topology(
    app_configs: Iterable[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Run every check on the topology, or say why there is none."""
    try:
        current = topology.current()
    except (ConfigurationError, ImportError) as error:
        return [_error("E001", str(error), "Correct the WILDRYDES setting.")]
    return [message for check in TOPOLOGY_CHECKS for message in check(current)]


@checks.register("wildrydes")
def check_celery(
    app_configs: Iterable[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Refuse Celery settings that would run foreign code or hang or lose a message."""
    return [*_accepts_json_only(), *_never_waits_for_ever(), *_knows_its_queues()]


@checks.register("wildrydes", deploy=True)
def check_secrets(
    app_configs: Iterable[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Refuse to deploy without a secret of one's own, or with the demo's accounts."""
    found: list[checks.CheckMessage] = []
    if len(settings.SECRET_KEY) < 32:
        found.append(_error("E020", "SECRET_KEY is missing or short.", "Set SECRET_KEY_FILE."))
    if getattr(settings, "DEMO_ACCOUNTS", False):
        found.append(
            _error("E021", "DEMO_ACCOUNTS is on.", "Use config.settings.production to deploy.")
        )
    return found


@checks.register("wildrydes", deploy=True)
def check_redis_keeps_what_it_is_given(
    app_configs: Iterable[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Refuse a Redis that throws keys away when it is full; warn when it cannot be asked."""
    try:
        policy = redis.client().config_get("maxmemory-policy").get("maxmemory-policy", b"")
    except wire.WIRE_ERRORS as error:
        return [checks.Warning(f"Redis cannot be asked: {error}", id="wildrydes.W030")]
    text = policy.decode() if isinstance(policy, bytes) else str(policy)
    if text == "noeviction":
        return []
    hint = "Set maxmemory-policy to noeviction."
    return [_error("E030", f"Redis evicts keys when it is full ({text}).", hint)]


def _names_are_unique(current: Topology) -> Iterator[checks.CheckMessage]:
    kinds: Mapping[str, list[str]] = {
        "topic": [entry.name for entry in current.topics],
        "queue": [entry.name for entry in current.queues],
        "subscription": [entry.name for entry in current.subscriptions],
        "message type": [type_ for topic in current.topics for type_ in topic.types],
        "command": [entry.command for entry in current.subscriptions if entry.command],
    }
    for kind, names in kinds.items():
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield _error("E002", f"The {kind} {name!r} is in the topology twice.")


def _subscriptions_are_whole(current: Topology) -> Iterator[checks.CheckMessage]:
    topics = {topic.name for topic in current.topics}
    queues = {queue.name for queue in current.queues}
    for entry in current.subscriptions:
        if bool(entry.topics) == bool(entry.command):
            yield _error("E003", f"{entry.name!r} needs topics or a command, and not both.")
        for topic in entry.topics:
            if topic not in topics:
                yield _error("E004", f"{entry.name!r} names the unknown topic {topic!r}.")
        if entry.queue not in queues:
            yield _error("E005", f"{entry.name!r} names the unknown queue {entry.queue!r}.")


def _filters_are_valid(current: Topology) -> Iterator[checks.CheckMessage]:
    for entry in current.subscriptions:
        try:
            filters.validate(entry.filter, entry.scope)
        except ConfigurationError as error:
            yield _error("E006", f"The filter of {entry.name!r} is malformed: {error}")


def _queues_are_served(current: Topology) -> Iterator[checks.CheckMessage]:
    served = {name for group in current.workers for name in group.queues}
    known = {queue.name for queue in current.queues}
    for name in sorted(known - served):
        yield _error("E007", f"No worker serves the queue {name!r}.", "Add it to a worker group.")
    for name in sorted(served - known):
        yield _error("E008", f"A worker group names the unknown queue {name!r}.")


def _handlers_match(current: Topology) -> Iterator[checks.CheckMessage]:
    known = {entry.name for entry in current.subscriptions}
    bound = {binding.subscription for binding in subscriptions.bindings()}
    for name in sorted(bound - known):
        yield _error("E009", f"The handler of {name!r} has no entry in the topology.")
    installed = {config.label for config in apps.get_app_configs()}
    for entry in current.subscriptions:
        if entry.service in installed and entry.name not in bound:
            yield _error("E010", f"The subscription {entry.name!r} has no handler.")


TOPOLOGY_CHECKS: tuple[Check, ...] = (
    _names_are_unique,
    _subscriptions_are_whole,
    _filters_are_valid,
    _queues_are_served,
    _handlers_match,
)


def _accepts_json_only() -> Iterator[checks.CheckMessage]:
    accepted = list(settings.CELERY_ACCEPT_CONTENT)
    if accepted != ["json"]:
        text = f"CELERY_ACCEPT_CONTENT is {accepted}: whoever reaches Redis could run code here."
        yield _error("E011", text, "Accept json only.")


def _never_waits_for_ever() -> Iterator[checks.CheckMessage]:
    options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    for name in ("socket_timeout", "socket_connect_timeout"):
        if not options.get(name):
            text = f"CELERY_BROKER_TRANSPORT_OPTIONS lacks {name}: a dead Redis would hang us."
            yield _error("E012", text)


def _knows_its_queues() -> Iterator[checks.CheckMessage]:
    if getattr(settings, "CELERY_TASK_CREATE_MISSING_QUEUES", True):
        text = "CELERY_TASK_CREATE_MISSING_QUEUES is on: a mistyped queue would swallow messages."
        yield _error("E013", text, "Turn it off.")


def _error(number: str, text: str, hint: str | None = None) -> checks.Error:
    return checks.Error(text, hint=hint, id=f"wildrydes.{number}")
