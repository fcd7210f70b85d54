"""Logs: one JSON object a line, with the ids of the message, its story and its delivery."""

from __future__ import annotations

import logging.config
from typing import Any

import structlog

from wildrydes import redaction

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def configure(*, level: str, json: bool) -> None:
    """Send what every library logs, and what we log, through one formatter to stderr.

    No line says where in the source it comes from, so that nobody need find it out: that takes a
    third of the time of a line. A stack that a library asks for with a line is not there, either.
    """
    logging._srcfile = None  # as the library's documentation says
    logging.config.dictConfig(_standard_library(level=level, json=json))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _standard_library(*, level: str, json: bool) -> dict[str, Any]:
    last = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if json
        else [structlog.dev.ConsoleRenderer(colors=False)]
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *last,
                    _redact,
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


def _redact(logger: Any, name: str, line: str) -> str:
    """Take out of the finished line, tracebacks and all, what must not be written anywhere."""
    return redaction.masked(line)
