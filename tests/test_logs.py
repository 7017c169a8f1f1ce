"""Log lines: one JSON object each, readable on a terminal, never a hash."""

import json
import logging
import logging.config
import sys

import bcrypt
import pytest
from flask import Flask, g

from customers.telemetry.logs import JsonFormatter, TextFormatter, configuration


def record(message: str = "hello", **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("customers.test", logging.WARNING, "file", 1, message, None, None)
    if extra:
        made.fields = extra
    return made


def failed() -> logging.LogRecord:
    made, error = record(), RuntimeError(f"Failing row contains (1, {HASH})")
    made.exc_info = (RuntimeError, error, None)
    return made


HASH = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()


def test_a_line_is_one_json_object() -> None:
    line = json.loads(JsonFormatter().format(record("two\nlines", status=200)))

    assert line["message"] == "two\nlines"
    assert (line["level"], line["logger"], line["status"]) == ("warning", "customers.test", 200)
    assert "\n" not in JsonFormatter().format(record("two\nlines"))


def test_a_line_written_during_a_request_has_its_id(app: Flask) -> None:
    with app.test_request_context():
        g.request_id = "find-me"
        line = json.loads(JsonFormatter().format(record()))

    assert line["request_id"] == "find-me"


def test_on_a_terminal_it_is_readable() -> None:
    assert TextFormatter().format(record(status=200, caller=None)).endswith("warning hello status=200")


def test_what_a_client_sent_cannot_forge_a_line_or_steer_the_terminal() -> None:
    text = TextFormatter().format(record(path="/a\n12:00:00 error forged \x1b[2J"))

    assert "\n" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_an_exception_is_told_without_the_hash_in_it(formatter: logging.Formatter) -> None:
    text = formatter.format(failed())

    assert "RuntimeError" in text
    assert "Failing row contains (1, [hash])" in text
    assert HASH not in text


@pytest.mark.parametrize(
    ("form", "terminal", "formatter"),
    [
        ("auto", True, TextFormatter),
        ("auto", False, JsonFormatter),
        ("text", False, TextFormatter),
        ("json", True, JsonFormatter),
    ],
)
def test_the_form_follows_the_setting_or_else_the_terminal(
    monkeypatch: pytest.MonkeyPatch, form: str, terminal: bool, formatter: type[logging.Formatter]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)

    assert configuration("info", form)["formatters"]["line"]["()"] is formatter
