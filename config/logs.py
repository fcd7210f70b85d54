"""Logs: one JSON object a line, with the ids of the message, its story and its delivery."""

from __future__ import annotations

import logging.config
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from wildrydes import redaction

NOT_MADE = "a line of the log could not be made"

# Neither tells the values of local variables, among which are tokens, keys and passwords.
PLAIN = structlog.dev.ConsoleRenderer(
    colors=False, exception_formatter=structlog.dev.plain_traceback
)
TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)

FIRST: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
]
FOREIGN: list[Processor] = [
    structlog.stdlib.ExtraAdder(),
    structlog.processors.StackInfoRenderer(),
]
LAST = structlog.processors.TimeStamper(fmt="iso", utc=True)


class Lines:
    """A logger for structlog that writes finished lines, each at once and in one piece.

    As with the standard library's, whose handler it writes by, a line that cannot be written fails
    nobody.
    """

    def __init__(self, name: str, handler: logging.StreamHandler[Any]) -> None:
        self.name = name
        self._handler = handler

    def msg(self, line: str) -> None:
        """Write a line."""
        self._handler.acquire()
        try:
            with suppress(Exception):  # closed, full, or interrupted by a signal that logs as well
                self._handler.stream.write(f"{line}\n")
                self._handler.stream.flush()
        finally:
            self._handler.release()

    debug = info = warning = error = critical = msg


def configure(*, level: str, json: bool) -> None:
    """Send what every library logs to stderr as we write our own lines; those go there directly.

    What libraries log is of the level that the standard library was told last; what we log is of
    this one.

    No line says where in the source it comes from, so that nobody need find it out. A stack that a
    library asks for with a line is not there, either.
    """
    renderers = _renderers(json=json)
    logging._srcfile = None  # as the library's documentation says
    logging.config.dictConfig(_standard_library(level=level, renderers=renderers))
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    structlog.configure(
        processors=[*FIRST, LAST, _finishing(renderers)],
        logger_factory=lambda name="", *_: Lines(name, handler),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )


def _renderers(*, json: bool) -> list[Processor]:
    last: list[Processor] = [TRACEBACKS, structlog.processors.JSONRenderer()] if json else [PLAIN]
    return [*last, _redact]


def _finishing(renderers: Sequence[Processor]) -> Callable[[Any, str, EventDict], str]:
    """Return what makes a line of our own. One that cannot be made fails nobody, either."""

    def made(logger: Any, name: str, event: Any) -> str:
        for render in renderers:
            event = render(logger, name, event)
        return str(event)

    def finish(logger: Any, name: str, event: EventDict) -> str:
        kept = {key: event.get(key) for key in ("logger", "level", "timestamp")}
        try:
            return made(logger, name, event)
        except Exception as error:  # noqa: BLE001 - whatever a value does that is to be written
            return made(logger, name, {"event": NOT_MADE, "error": type(error).__name__, **kept})

    return finish


def _standard_library(*, level: str, renderers: Sequence[Processor]) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*FIRST, *FOREIGN, LAST],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *renderers,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},  # below, it writes down what is sent and answered
        },
    }


def _redact(logger: Any, name: str, line: Any) -> str:
    """Take out of the finished line, tracebacks and all, what must not be written anywhere."""
    return redaction.masked(line)
