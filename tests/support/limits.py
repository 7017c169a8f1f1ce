"""What tests of the limits have in common: attempts from chosen networks, and time that passes in the table."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD, new_client
from tests.support.database import Db

HOME = "203.0.113.9"
NOBODY = "nobody@example.com"
WRONG = "not the password"


def attempt(
    app: Flask, email: str, password: str = WRONG, ip: str = HOME, path: str = "/customer/login", **headers: str
) -> TestResponse:
    """Try to sign in from an address. The application must trust a proxy."""
    body = {"email": email, "password": password}
    return new_client(app).post(path, json=body, headers={"X-Forwarded-For": ip, **headers})


def statuses(app: Flask, count: int, email: str = NOBODY, **more: Any) -> list[int]:
    return [attempt(app, email, **more).status_code for _ in range(count)]


def right(app: Flask, email: str, **more: Any) -> int:
    return attempt(app, email, PASSWORD, **more).status_code


def refused(response: TestResponse, code: str = "too_many_attempts") -> int:
    """Assert that a limit has refused, and return after how many seconds it will not."""
    assert (response.status_code, response.get_json()["error"]["code"]) == (429, code), response.text
    return int(response.headers["Retry-After"])


def pass_time(db: Db, seconds: float) -> None:
    """Have so much time pass for what has been counted, and for the networks that are known."""
    db.execute(
        "UPDATE attempt_counter SET open_at = open_at - make_interval(secs => %s),"
        " expires_at = expires_at - make_interval(secs => %s)",
        *(seconds, seconds),
    )
    db.execute("UPDATE login_network SET last_login_at = last_login_at - make_interval(secs => %s)", seconds)
