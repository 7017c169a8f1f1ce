"""Log lines: a JSON object each, or readable where a person watches. Never a secret.

What may stand in a line is decided where it is written. The formatters add a last guard, because an exception's text is
written by others: PostgreSQL's messages can repeat a row.
"""

import json
import logging
import re
import sys
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

# The request that this thread handles, and its trace, for every line that is written meanwhile.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)

# Where lines are written directly, as JSON; None where they go through logging, as text for a terminal does. A record's
# way through logging costs four times as much.
_direct: dict[str, TextIO | None] = {"stream": None}

_HASH = re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}")
_encode = json.JSONEncoder(default=str).encode  # in ASCII: to some readers U+0085 and U+2028 end a line


# What a record would find out of threads and processes, and no line of ours has (Logging HOWTO, "Optimization").
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def emit(logger: logging.Logger, level: int, message: str, fields: dict[str, Any]) -> None:
    """Write a line with fields, without the search for the calling line of code that ``Logger.log`` makes."""
    if not logger.isEnabledFor(level):
        return
    stream = _direct["stream"]
    if stream is None:
        logger.handle(logger.makeRecord(logger.name, level, "", 0, message, (), None, extra={"fields": fields}))
    else:
        stream.write(_line(time.time(), logging.getLevelName(level), logger.name, message, fields) + "\n")


def message(error: BaseException) -> str:
    """Return a database error's own message, without the details behind it: they may hold a row, and with it a hash."""
    found = getattr(error, "orig", None) or error
    return getattr(getattr(found, "diag", None), "message_primary", None) or str(found).strip()


def cause(error: BaseException) -> str:
    """Return what a database error says, in one line, without SQLAlchemy's frame around it."""
    found = getattr(error, "orig", None) or error
    return f"{type(found).__name__}: {' '.join(str(found).split())}"


def _ids() -> dict[str, Any]:
    ids = {"request_id": request_id.get(), "trace_id": trace_id.get()}
    return {name: value for name, value in ids.items() if value}


def _line(moment: float, level: str, logger: str, message: str, fields: dict[str, Any]) -> str:
    line = {"time": _stamp(moment), "level": level.lower(), "logger": logger, "message": message, **_ids(), **fields}
    return _redacted(_encode(line))


def _redacted(line: str) -> str:
    return _HASH.sub("[hash]", line) if "$2" in line else line


def _stamp(moment: float) -> str:
    """Return a time in ISO 8601, in UTC, with milliseconds."""
    second = int(moment)
    return f"{_second(second)}.{int((moment - second) * 1000):03d}+00:00"


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


class JsonFormatter(logging.Formatter):
    """Formats a record as a JSON object: time (UTC, ISO 8601), level, logger, message, then the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields: dict[str, Any] = getattr(record, "fields", {})
        if record.exc_info:
            fields = {**fields, "exception": self.formatException(record.exc_info)}
        return _line(record.created, record.levelname, record.name, record.getMessage(), fields)


class TextFormatter(logging.Formatter):
    """Formats a record for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback if there is one."""
        clock = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        fields = _ids() | getattr(record, "fields", {})
        shown = "".join(f" {name}={printable(value)}" for name, value in fields.items() if value is not None)
        text = f"{clock} {record.levelname.lower():7} {printable(record.getMessage())}{shown}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return _redacted(text)


class WithoutContent(logging.Filter):
    """Takes what a client has sent out of gunicorn's lines: it writes the bytes of a malformed request as they came.

    With a wrong Content-Length those are the rest of a body, a password perhaps. The name of the exception, which
    gunicorn is handling while it writes the line, says enough.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let the record pass, without what was sent."""
        if str(record.msg).startswith("Invalid request from"):
            found = sys.exc_info()[0]
            record.msg = f"{record.msg.partition(': ')[0]}: {found.__name__ if found else 'malformed'}"
        elif str(record.msg).startswith("Error handling request"):
            record.msg, record.args = "Error handling request", None
        return True


def printable(value: Any) -> str:
    """Return a value for a terminal: what others wrote must not move the cursor or begin a line of its own."""
    text = str(value)
    return text if text.isprintable() else json.dumps(text)


def configuration(level: str, form: str) -> dict[str, Any]:
    """Return the logging configuration of a server, for gunicorn.

    ``form`` is "json", "text", or "auto": text on a terminal, else JSON.
    """
    text = sys.stderr.isatty() if form == "auto" else form == "text"
    _direct["stream"] = None if text else sys.stderr
    return {
        "filters": {"without_content": {"()": WithoutContent}},
        "formatters": {"line": {"()": TextFormatter if text else JsonFormatter}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "root": {"level": level.upper(), "handlers": ["stderr"]},
        "loggers": {
            # gunicorn's own handlers would write each line a second time. Its debug lines hold what clients sent.
            "gunicorn.error": {
                "level": "INFO" if level == "debug" else level.upper(),
                "filters": ["without_content"],
                "handlers": [],
                "propagate": True,
            },
            "gunicorn.access": {"level": "WARNING", "handlers": [], "propagate": True},
        },
    }
