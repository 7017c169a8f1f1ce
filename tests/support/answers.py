"""What tests expect of an answer, in one line each."""

from typing import Any

from werkzeug.test import TestResponse


def data_of(response: TestResponse, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.get_json()["data"]


def done(response: TestResponse) -> None:
    assert data_of(response) == {}


def refused(response: TestResponse, status: int, code: str, *fields: str) -> None:
    """Assert a refusal by its status and code, and which fields it names."""
    assert response.status_code == status, response.text
    error = response.get_json()["error"]
    assert (error["code"], set(error.get("errors", ()))) == (code, set(fields)), response.text


def invalid(response: TestResponse, *fields: str) -> None:
    """Assert a 400 that names these fields and no others, and whose message is the first field's."""
    refused(response, 400, "invalid_input", *fields)
    error = response.get_json()["error"]
    assert error["message"] == next(iter(error["errors"].values()))[0]
