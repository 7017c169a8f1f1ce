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
from uuid import UUID

# The request that this thread handles, and its trace, for every line that is written meanwhile.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)

Caller = tuple[str, UUID] | None

# Where the access log is written directly; None where it goes through logging, as text for a terminal does.
_stream: TextIO | None = None

_HASH = re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{53}")
_encode = json.JSONEncoder(default=str).encode  # in ASCII: to some readers U+0085 and U+2028 end a line


# What a record would find out of threads and processes, and no line of ours has (Logging HOWTO, "Optimization").
logging.logThreads = logging.logProcesses = logging.logMultiprocessing = logging.logAsyncioTasks = False


def emit(logger: logging.Logger, level: int, message: str, fields: dict[str, Any]) -> None:
    """Write a line with fields, without the search for the calling line of code that ``Logger.log`` makes."""
    if logger.isEnabledFor(level):
        logger.handle(logger.makeRecord(logger.name, level, "", 0, message, (), None, extra={"fields": fields}))


def write_request(
    logger: logging.Logger, method: str, path: str, status: int, seconds: float, client: str | None, caller: Caller
) -> None:
    """Write the access log's line of a request. ``caller`` is the caller's kind and uuid, None for nobody.

    Where lines are JSON it goes straight to standard error: a record's way through logging would cost four times as much.
    """
    if not logger.isEnabledFor(logging.INFO):
        return
    milliseconds = round(seconds * 1000, 1)
    if _stream is None:
        account = caller and {"kind": caller[0], "uuid": str(caller[1])}
        fields = {"method": method, "path": path, "status": status, "duration_ms": milliseconds}
        emit(logger, logging.INFO, "request", {**fields, "client": client, "caller": account})
        return
    trace = trace_id.get()
    traced = f'"trace_id": "{trace}", ' if trace else ""
    account = f'{{"kind": "{caller[0]}", "uuid": "{caller[1]}"}}' if caller else "null"
    _stream.write(
        f'{{"time": "{_stamp(time.time())}", "level": "info", "logger": "{logger.name}", "message": "request", '
        f'"request_id": "{request_id.get()}", {traced}"method": {_encode(method)}, "path": {_encode(path)}, '
        f'"status": {status}, "duration_ms": {milliseconds}, "client": {_encode(client)}, "caller": {account}}}\n'
    )


def cause(error: BaseException) -> str:
    """Return what a database error says, in one line, without SQLAlchemy's frame around it."""
    found = getattr(error, "orig", None) or error
    return f"{type(found).__name__}: {' '.join(str(found).split())}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, "fields", {})
    request = request_id.get()
    if request is None:
        return fields
    trace = trace_id.get()
    return {"request_id": request, **({"trace_id": trace} if trace else {}), **fields}


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
        line: dict[str, Any] = {
            "time": _stamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _redacted(_encode(line))


class TextFormatter(logging.Formatter):
    """Formats a record for a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback if there is one."""
        clock = datetime.fromtimestamp(record.created, UTC).astimezone().strftime("%H:%M:%S")
        fields = "".join(f" {name}={printable(value)}" for name, value in _fields(record).items() if value is not None)
        text = f"{clock} {record.levelname.lower():7} {printable(record.getMessage())}{fields}"
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
    """Return the logging configuration of a server, for `logging.config.dictConfig` or gunicorn.

    ``form`` is "json", "text", or "auto": text on a terminal, else JSON.
    """
    global _stream  # noqa: PLW0603  # logging is configured once for a process, too
    text = sys.stderr.isatty() if form == "auto" else form == "text"
    _stream = None if text else sys.stderr
    return {
        "version": 1,
        "disable_existing_loggers": False,
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
