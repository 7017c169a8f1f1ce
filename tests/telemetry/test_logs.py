"""Log lines: one JSON object each, or readable on a terminal, never a hash."""

import json
import logging
import sys
from contextvars import ContextVar

import bcrypt
import pytest

from customers.telemetry import logs
from customers.telemetry.logs import JsonFormatter, TextFormatter

HASH = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
FORGED = "/a\n12:00:00 error forged \x1b[2J"


def record(message: str = "hello", **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("customers.test", logging.WARNING, "file", 1, message, None, None)
    made.fields = fields
    return made


def test_a_json_line_has_the_time_in_utc_the_request_and_the_fields_also_when_it_is_written_directly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(logs._direct, "stream", sys.stderr)
    monkeypatch.setattr(logs, "request_id", ContextVar("request_id", default="find-me"))
    logger = logging.getLogger("customers.test")
    logs.emit(logger, logging.DEBUG, "below the level", {})
    logs.emit(logger, logging.WARNING, "two\nlines", {"status": 200})

    for text in (capsys.readouterr().err.removesuffix("\n"), JsonFormatter().format(record("two\nlines", status=200))):
        line = json.loads(text)
        assert "\n" not in text
        assert line.pop("time").endswith("+00:00")
        assert list(line) == ["level", "logger", "message", "request_id", "status"]
        assert list(line.values()) == ["warning", "customers.test", "two\nlines", "find-me", 200]


def test_a_text_line_is_readable_and_a_client_can_neither_forge_one_nor_steer_the_terminal() -> None:
    assert TextFormatter().format(record(status=200, caller=None)).endswith("warning hello status=200")

    assert TextFormatter().format(record(FORGED, path=FORGED)).isprintable()


def test_a_line_shows_an_exception_without_the_hash_in_it() -> None:
    failed = record()
    failed.exc_info = (RuntimeError, RuntimeError(f"Failing row contains (1, {HASH})"), None)

    for formatter in (JsonFormatter(), TextFormatter()):
        text = formatter.format(failed)
        assert "RuntimeError: Failing row contains (1, [hash])" in text
        assert HASH not in text


def test_the_form_follows_the_setting_or_else_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(logs._direct, "stream", None)
    for form, terminal, formatter in (
        ("auto", True, TextFormatter),
        ("auto", False, JsonFormatter),
        ("text", False, TextFormatter),
        ("json", True, JsonFormatter),
    ):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal, raising=False)
        assert logs.configuration("info", form)["formatters"]["line"]["()"] is formatter
        assert (logs._direct["stream"] is None) == (formatter is TextFormatter)
