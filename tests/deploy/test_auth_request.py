"""Another backend behind the same nginx knows who is calling, and cannot be told otherwise."""

from contextlib import closing

import pytest

from tests.deploy.conftest import ADMIN
from tests.deploy.front import Front, Person

WHO = ("x-customer-uuid", "x-customer-group", "x-admin-uuid")
FORGED = {"X_Customer_UUID": "forged", "X_Customer_Group": "99", "X_Admin_UUID": "forged"}


@pytest.fixture(scope="module")
def ann(front: Front) -> Person:
    return front.sign_up("ann@example.com")


def who(answer: dict[str, dict[str, str]]) -> tuple[str | None, ...]:
    """Return what the backend was told of who is calling."""
    return tuple(answer["headers"].get(name) for name in WHO)


def test_a_backend_is_told_who_is_calling_whatever_the_client_says(front: Front, ann: Person) -> None:
    sid, both = front.log_in(ADMIN, "/admin/user/login", ann.cookie)

    by_cookie = front.nginx.call("GET", "/orders/1?all=1", Cookie=ann.cookie, **FORGED)
    by_header = front.nginx.call("POST", "/orders/", b"x" * 100_000, X_Session_ID=ann.sid, **FORGED)
    admin = front.nginx.call("GET", "/orders/", X_Session_ID=sid, **FORGED)
    two = front.nginx.call("GET", "/orders/", Cookie=both, **FORGED)
    with closing(front.nginx.connect()) as connection:  # CGI would take these for the same names
        underscored = connection.call("GET", "/orders/", None, {"X-Session-ID": ann.sid, "X_Admin_UUID": "forged"})

    assert by_cookie.body["path"] == "/orders/1?all=1"
    assert (by_header.body["method"], len(by_header.body["body"])) == ("POST", 100_000)
    assert who(by_cookie.body) == who(by_header.body) == (ann.uuid, "1", None)
    uuid = admin.body["headers"]["x-admin-uuid"]
    assert len(uuid) == 36
    assert who(admin.body) == (None, None, uuid)
    assert who(two.body) == (ann.uuid, "1", uuid)
    assert "forged" not in str(underscored.body["headers"])


def test_who_is_not_signed_in_is_refused_before_the_backend_hears_of_it(front: Front) -> None:
    before = len(front.heard)

    for headers in ({}, {"X_Session_ID": "wrong"}, {"Cookie": "__Host-customers=wrong"}):
        for method, body in (("GET", None), ("POST", {"a": 1})):
            answer = front.nginx.call(method, "/orders/", body, **headers, **FORGED)

            assert (answer.status, answer.body["error"]["code"]) == (401, "not_authenticated")
            assert answer.headers["WWW-Authenticate"] == 'Session realm="customers"'
            assert answer.headers["Content-Type"] == "application/json"
    assert len(front.heard) == before


def test_a_backend_gets_the_cookies_it_names_and_nothing_that_signs_in(front: Front, ann: Person) -> None:
    """A pattern over the Cookie header gave up on long ones; then everything passed, and the header was in the log."""
    secret = ann.cookie.split("=", 1)[1]
    for before, after in ((0, 0), (5, 0), (22, 0), (200, 0), (0, 5), (0, 22), (0, 200), (30, 30), (100, 100)):
        first, last = ([f"_tracker{index}={index:024}" for index in range(number)] for number in (before, after))

        sent = [ann.cookie, "cart=book-1", ann.cookie]
        answer = front.nginx.call("GET", "/orders/", Cookie="; ".join([*first, *sent, *last, ""]))
        alone = front.nginx.call("GET", "/orders/", Cookie="; ".join([*first, ann.cookie, *last, ""]))

        assert answer.body["headers"]["cookie"] == "cart=book-1"
        assert "cookie" not in alone.body["headers"]
        assert secret not in str(answer.body) + str(alone.body)
    assert secret not in front.nginx.errors()
    assert "x-session-id" not in front.nginx.call("GET", "/orders/", X_Session_ID=ann.sid).body["headers"]


def test_the_question_and_its_headers_are_for_nginx_alone(front: Front, ann: Person) -> None:
    for path in ("/_session", "/session", "/healthz", "/readyz", "/metrics"):
        answer = front.nginx.call("GET", path, X_Session_ID=ann.sid)
        assert answer.status == 404, path
        assert "X-Customer-UUID" not in answer.headers
    assert "X-Customer-UUID" not in front.nginx.call("GET", "/orders/", X_Session_ID=ann.sid).headers
