"""Start-up checks: a topology that would lose work is refused before any is taken.

`manage.py check` runs them, and those of `preflight`; so does every command that starts a process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks

from wildrydes import filters, preflight, schedules, subscriptions, topology
from wildrydes.consumer import heartbeat
from wildrydes.errors import ConfigurationError
from wildrydes.saga import checking
from wildrydes.subscriptions import Role
from wildrydes.topology import Subscription, Topology

Check = Callable[[Topology], Iterable[checks.CheckMessage]]
BOUND_WITH: Mapping[Role, str] = {
    "handler": "subscribe",
    "replies": "receive_replies",
    "step": "pipeline_step",
    "answers": "answers",
    "gathers": "gathers",
    "advances": "saga.orchestrates",
}


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


def _names_are_unique(current: Topology) -> Iterator[checks.CheckMessage]:
    kinds: Mapping[str, list[str]] = {
        "topic": [entry.name for entry in current.topics],
        "queue": [entry.name for entry in current.queues],
        "subscription": [entry.name for entry in current.subscriptions],
        "message type": [type_ for topic in current.topics for type_ in topic.types],
        "command": [*_commands(current), *_step_types(current)],
        "pipeline": [entry.name for entry in current.pipelines],
    }
    for kind, names in kinds.items():
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield _error("E002", f"The {kind} {name!r} is in the topology twice.")


def _commands(current: Topology) -> list[str]:
    return [entry.command for entry in current.subscriptions if entry.command]


def _step_types(current: Topology) -> list[str]:
    return [type_ for pipeline in current.pipelines for type_ in pipeline.types]


def _types_are_of_one_kind(current: Topology) -> Iterator[checks.CheckMessage]:
    events = {type_ for topic in current.topics for type_ in topic.types}
    commands = {*_commands(current), *_step_types(current)}
    replies = {type_ for entry in current.subscriptions for type_ in entry.replies}
    for type_ in sorted((events & commands) | (events & replies) | (commands & replies)):
        yield _error("E054", f"The type {type_!r} is more than one of event, command and reply.")


def _subscriptions_are_whole(current: Topology) -> Iterator[checks.CheckMessage]:
    steps = {step for pipeline in current.pipelines for step in pipeline.steps}
    topics = {topic.name for topic in current.topics}
    queues = {queue.name for queue in current.queues}
    for entry in current.subscriptions:
        ways = (entry.topics, entry.command, entry.replies, entry.name in steps)
        if sum(map(bool, ways)) != 1:
            text = f"{entry.name!r} needs one of: topics, a command, replies, a pipeline's step."
            yield _error("E003", text)
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


def _pipelines_are_whole(current: Topology) -> Iterator[checks.CheckMessage]:
    queue_of = {entry.name: entry.queue for entry in current.subscriptions}
    for pipeline in current.pipelines:
        name = pipeline.name
        if not pipeline.steps:
            yield _error("E050", f"The pipeline {name!r} has no steps.")
        for step in pipeline.steps:
            if step not in queue_of:
                text = f"The pipeline {name!r} names the unknown subscription {step!r}."
                yield _error("E051", text)
        queues = [queue_of[step] for step in pipeline.steps if step in queue_of]
        for queue in sorted({queue for queue in queues if queues.count(queue) > 1}):
            hint = "Give each step a queue of its own, or a slow one holds up the others."
            yield _error("E052", f"Steps of {name!r} share the queue {queue!r}.", hint)


def _schedules_can_be_kept(current: Topology) -> Iterator[checks.CheckMessage]:
    for schedule in current.schedules:
        if not current.is_command(schedule.command):
            yield _error("E062", f"No subscription takes the scheduled {schedule.command!r}.")
        if schedule.every < schedules.SHORTEST:
            text = f"{schedule.command!r} comes more often than the relay looks at the clock."
            yield _error("E063", text, f"Make it {schedules.SHORTEST} or longer.")


def _responders_are_whole(current: Topology) -> Iterator[checks.CheckMessage]:
    gatherings = {entry.name for entry in current.subscriptions if entry.replies}
    answering = [item for item in current.subscriptions if item.responder or item.answers_to]
    for entry in answering:
        if not (entry.responder and entry.answers_to):
            yield _error("E055", f"{entry.name!r} needs both a responder's name and answers_to.")
        elif entry.answers_to not in gatherings:
            text = f"{entry.name!r} answers to {entry.answers_to!r}, which takes no replies."
            yield _error("E056", text)
        if entry.at_most_once:
            text = f"{entry.name!r} answers, and is handled at most once: its answer could be lost."
            yield _error("E057", text)
    for topic in current.topics:
        names = [item.responder for item in answering if topic.name in item.topics]
        for name in sorted({name for name in names if name and names.count(name) > 1}):
            yield _error("E058", f"Two subscriptions to {topic.name!r} answer as {name!r}.")


def _sagas_can_be_carried_out(current: Topology) -> Iterator[checks.CheckMessage]:
    for text in checking.wrong_orchestrators(current):
        yield _error("E060", text, "Name a subscription with replies, and bind it: orchestrates.")
    for text in checking.wrong_commands(current):
        yield _error("E061", text, "Correct answers_to in the topology, or the saga's command.")


def _handlers_have_the_right_role(current: Topology) -> Iterator[checks.CheckMessage]:
    steps = {step for pipeline in current.pipelines for step in pipeline.steps}
    known = {entry.name: entry for entry in current.subscriptions}
    answering = [entry for entry in current.subscriptions if entry.answers_to]
    gatherings = {entry.answers_to for entry in answering if not entry.command}
    orchestrators = {entry.answers_to for entry in answering if entry.command}
    for binding in subscriptions.bindings():
        entry = known.get(binding.subscription)
        if entry is None:
            continue
        if entry.name in gatherings & orchestrators:
            text = f"{entry.name!r} is answered by commands and by events; it cannot take both."
            yield _error("E059", text)
            continue
        asks = entry.name in orchestrators
        roles = _roles(
            entry, is_step=entry.name in steps, gathers=entry.name in gatherings, asks=asks
        )
        if binding.role not in roles:
            text = f"The handler of {entry.name!r} is bound with {BOUND_WITH[binding.role]}."
            yield _error("E053", text, f"Bind it with {BOUND_WITH[roles[0]]}.")


def _roles(entry: Subscription, *, is_step: bool, gathers: bool, asks: bool) -> Sequence[Role]:
    """Return the roles that a handler of this subscription may have."""
    if gathers or asks:
        return ("gathers",) if gathers else ("advances",)
    if entry.replies:
        return ("replies", "gathers", "advances")
    if entry.responder:
        return ("answers",)
    return ("step",) if is_step else ("handler",)


def _times_fit_together(current: Topology) -> Iterator[checks.CheckMessage]:
    shortest = 2 * heartbeat.BEAT_SECONDS
    for queue in current.queues:
        if queue.lease.total_seconds() < shortest:
            text = f"The lease of {queue.name!r} ends before a worker can say that it is at work."
            yield _error("E040", text, f"Make it {shortest:g} s or longer.")
        if queue.per_second is not None and not queue.per_second > 0:
            text = f"{queue.name!r} is limited to {queue.per_second:g} messages a second."
            yield _error("E042", text, "Make it more than 0, or leave per_second out.")
    if (longest := preflight.idle_limit()) is None:
        return
    for entry in current.subscriptions:
        if entry.time_limit >= longest:
            text = f"{entry.name!r} may take longer than Postgres lets a transaction be idle."
            hint = f"Make its time_limit less than {longest.total_seconds():g} s."
            yield _error("E041", text, hint)


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
    _types_are_of_one_kind,
    _pipelines_are_whole,
    _schedules_can_be_kept,
    _responders_are_whole,
    _handlers_have_the_right_role,
    _filters_are_valid,
    _times_fit_together,
    _queues_are_served,
    _handlers_match,
    _sagas_can_be_carried_out,
)


def _error(number: str, text: str, hint: str | None = None) -> checks.Error:
    return checks.Error(text, hint=hint, id=f"wildrydes.{number}")
