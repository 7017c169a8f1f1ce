"""Log lines: one JSON object each, or readable on a terminal, never a hash."""

import json
import logging
import sys
from collections.abc import Iterator

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


@pytest.fixture
def configured(request: pytest.FixtureRequest) -> Iterator[None]:
    """Configure lines of the form that the test names, and take that back after it."""
    before = logs._direct["stream"]
    logs.configuration("info", request.param)
    yield
    logs._direct["stream"] = before


@pytest.fixture
def request_id() -> Iterator[str]:
    token = logs.request_id.set("find-me")
    yield "find-me"
    logs.request_id.reset(token)


@pytest.mark.usefixtures("request_id")
def test_a_json_line_has_the_time_in_utc_the_request_and_the_fields() -> None:
    text = JsonFormatter().format(record("two\nlines", status=200))

    line = json.loads(text)
    assert "\n" not in text
    assert list(line) == ["time", "level", "logger", "message", "request_id", "status"]
    assert line["time"].endswith("+00:00")
    assert list(line.values())[1:] == ["warning", "customers.test", "two\nlines", "find-me", 200]


@pytest.mark.parametrize("configured", ["json"], indirect=True)
@pytest.mark.usefixtures("configured", "request_id")
def test_a_line_written_directly_is_the_line_that_the_formatter_writes(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configuration("info", "json")
    logs.emit(logging.getLogger("customers.test"), logging.WARNING, "two\nlines", {"status": 200})

    (written,) = capsys.readouterr().err.splitlines()
    other = JsonFormatter().format(record("two\nlines", status=200))
    assert {**json.loads(written), "time": ""} == {**json.loads(other), "time": ""}


@pytest.mark.parametrize("configured", ["json", "text"], indirect=True)
@pytest.mark.usefixtures("configured")
def test_a_line_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.emit(logging.getLogger("customers.test"), logging.DEBUG, "hello", {})

    assert capsys.readouterr().err == ""


def test_a_text_line_is_readable() -> None:
    assert TextFormatter().format(record(status=200, caller=None)).endswith("warning hello status=200")


def test_a_client_can_neither_forge_a_text_line_nor_steer_the_terminal() -> None:
    text = TextFormatter().format(record(FORGED, path=FORGED))

    assert "\n" not in text
    assert "\x1b" not in text


@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_line_shows_an_exception_without_the_hash_in_it(formatter: logging.Formatter) -> None:
    failed = record()
    failed.exc_info = (RuntimeError, RuntimeError(f"Failing row contains (1, {HASH})"), None)

    text = formatter.format(failed)

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
    monkeypatch.setitem(logs._direct, "stream", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)

    assert logs.configuration("info", form)["formatters"]["line"]["()"] is formatter
