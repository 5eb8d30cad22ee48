"""Log lines: one JSON object a record on standard error, or text for people.

The standard library carries every record, so that what gunicorn, APScheduler or peewee log takes
the same road as our own structlog calls, through one formatter. Each line has `time` (RFC 3339,
UTC), `level`, `event`, `logger`, `part`, `pid`, and whatever `structlog.contextvars` has bound.
"""

import io
import logging
import logging.config
import sys
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog

from config.redaction import mask_text, masked
from config.sections import LoggingSettings

Event = MutableMapping[str, Any]

# At DEBUG these say every statement with its parameters, or every tick; neither belongs in a log.
_NEVER_BELOW = {
    "apscheduler": logging.WARNING,
    "asyncio": logging.INFO,
    "docker": logging.INFO,
    "peewee": logging.INFO,
    "urllib3": logging.INFO,
}
# gunicorn gives these handlers of their own, which would write past the formatter.
_GUNICORN = ("gunicorn.error", "gunicorn.access")


def configure(settings: LoggingSettings, *, part: str) -> None:
    """Send every record of this process to standard error; may be called again.

    part: what the process is, `web`, `ticker` or `worker`.
    """
    logging.config.dictConfig(dict_config(settings, part=part))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def dict_config(settings: LoggingSettings, *, part: str) -> dict[str, Any]:
    """Give the same set-up for `logging.config.dictConfig`.

    As gunicorn's `logconfig_dict` it holds from gunicorn's first line on, before any hook runs.
    """
    level = settings.level.upper()
    threshold = logging.getLevelNamesMapping()[level]
    loggers: dict[str, dict[str, Any]] = {
        name: {"level": max(threshold, least)} for name, least in _NEVER_BELOW.items()
    }
    for name in _GUNICORN:
        loggers[name] = {"level": level, "handlers": [], "propagate": True}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": lambda: _formatter(settings.format, part)}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "line",
            }
        },
        "loggers": loggers,
        "root": {"level": level, "handlers": ["stderr"]},
    }


def _formatter(style: str, part: str) -> logging.Formatter:
    def stamp(_logger: Any, _method: str, event: Event) -> Event:
        """Add what every line has; the record's own facts win over keys of the same name."""
        record: logging.LogRecord = event["_record"]
        at = datetime.fromtimestamp(record.created, tz=UTC)
        event["time"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event["level"] = record.levelname.lower()
        event["logger"] = record.name
        event["part"] = part
        event["pid"] = record.process
        return event

    shape: list[Any] = [
        structlog.contextvars.merge_contextvars,
        stamp,
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    ]
    if style == "console":
        render = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            timestamp_key="time",
            exception_formatter=_traceback,
        )
        shape += [redact, render]
    else:
        shape += [
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(default=repr),
        ]
    return structlog.stdlib.ProcessorFormatter(
        processors=shape,
        # What a record of the standard library carries as `extra`.
        foreign_pre_chain=[structlog.stdlib.ExtraAdder()],
    )


def _traceback(out: TextIO, exc_info: Any) -> None:
    """Write a traceback with passwords masked.

    structlog's default prints local variables where rich is installed, secrets included.
    """
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    out.write(mask_text(plain.getvalue()))


def redact(_logger: Any, _method: str, event: Event) -> Event:
    """Mask secrets in one event, nested values included.

    An exception not yet formatted is left alone: it is no text, and its type must survive.
    """
    exc_info = event.pop("exc_info", None)
    clean = masked(event)
    assert isinstance(clean, dict)  # noqa: S101 - masked() keeps mappings mappings; for the checker
    if exc_info is not None:
        clean["exc_info"] = exc_info
    return clean
