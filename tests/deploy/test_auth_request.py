"""Another backend behind the same nginx knows who is calling, and cannot be told otherwise."""

import pytest

from tests.deploy.front import ADMIN, Front

WHO = ("x-customer-uuid", "x-customer-group", "x-admin-uuid")
FORGED = {"X_Customer_UUID": "forged", "X_Customer_Group": "99", "X_Admin_UUID": "forged"}


def who(answer: dict[str, dict[str, str]]) -> tuple[str | None, ...]:
    """Return what the backend was told of who is calling."""
    uuid, group, admin = (answer["headers"].get(name) for name in WHO)
    return uuid, group, admin


def test_a_customer_is_named_by_cookie_and_by_header_whatever_the_client_says(front: Front) -> None:
    uuid = front.register("named@example.com")
    sid, cookie = front.log_in("named@example.com")

    by_cookie = front.nginx.call("GET", "/orders/1?all=1", Cookie=cookie, **FORGED)
    by_header = front.nginx.call("POST", "/orders/", {"wanted": 1}, X_Session_ID=sid, **FORGED)

    assert (by_cookie.status, by_cookie.body["path"]) == (200, "/orders/1?all=1")
    assert who(by_cookie.body) == (uuid, "1", None)
    assert (by_header.status, by_header.body["method"], by_header.body["body"]) == (200, "POST", '{"wanted": 1}')
    assert who(by_header.body) == (uuid, "1", None)


def test_an_admin_is_named_and_both_where_both_are_signed_in(front: Front) -> None:
    uuid = front.register("both@example.com")
    _, cookie = front.log_in("both@example.com")
    sid, both = front.log_in(ADMIN, "/admin/user/login", cookie)

    by_header = front.nginx.call("GET", "/orders/", X_Session_ID=sid, **FORGED)
    by_cookie = front.nginx.call("GET", "/orders/", Cookie=both, **FORGED)

    admin = by_header.body["headers"]["x-admin-uuid"]
    assert len(admin) == 36
    assert who(by_header.body) == (None, None, admin)
    assert who(by_cookie.body) == (uuid, "1", admin)


@pytest.mark.parametrize("headers", [{}, {"X_Session_ID": "wrong"}, {"Cookie": "__Host-customers=wrong"}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_is_not_signed_in_is_refused_before_the_backend_hears_of_it(
    front: Front, method: str, headers: dict[str, str]
) -> None:
    before = len(front.backend.requests)

    answer = front.nginx.call(method, "/orders/", None if method == "GET" else {"a": 1}, **headers, **FORGED)

    assert (answer.status, answer.body["error"]["code"]) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == 'Session realm="customers"'
    assert answer.headers["Content-Type"] == "application/json"
    assert len(front.backend.requests) == before


def test_a_session_that_has_ended_is_refused(front: Front) -> None:
    front.register("ended@example.com")
    sid, cookie = front.log_in("ended@example.com")

    front.nginx.call("POST", "/customers/logout", X_Session_ID=sid)

    assert front.nginx.call("GET", "/orders/", Cookie=cookie).status == 401


def test_a_write_by_cookie_of_another_sites_page_never_reaches_the_backend(front: Front) -> None:
    front.register("victim@example.com")
    sid, cookie = front.log_in("victim@example.com")
    before = len(front.backend.requests)
    # What a page can make a browser send; the method of the request in question is not the client's to say.
    forged = {"Cookie": cookie, "X_Original_Method": "GET", "Origin": "https://evil.example"}

    refused = [
        front.nginx.call(method, "/orders/", {"a": 1}, Sec_Fetch_Site=site, **forged)
        for method in ("POST", "DELETE")
        for site in ("cross-site", "same-site")
    ]
    refused.append(front.nginx.call("POST", "/orders/", {"a": 1}, **forged))
    reached = len(front.backend.requests) - before
    own = front.nginx.call("POST", "/orders/", {"a": 1}, Cookie=cookie, Origin="https://shop.example")
    program = front.nginx.call("POST", "/orders/", {"a": 1}, X_Session_ID=sid, Origin="https://evil.example")

    assert {(answer.status, answer.body["error"]["code"]) for answer in refused} == {(403, "cross_site")}
    assert reached == 0
    assert (own.status, program.status) == (200, 200)


def test_a_body_is_the_backends_and_the_question_has_none(front: Front) -> None:
    front.register("body@example.com")
    sid, _ = front.log_in("body@example.com")
    connection = front.nginx.connect(timeout=5)  # a service that waits for a body would take longer

    answers = [connection.call("POST", "/orders/", b"x" * 100_000, {"X-Session-ID": sid}) for _ in range(4)]
    connection.close()

    assert [len(answer.body["body"]) for answer in answers] == [100_000] * 4


@pytest.mark.parametrize("number", [0, 5, 22, 60, 200])
@pytest.mark.parametrize("place", ["before", "after", "around"])
def test_a_backend_gets_the_cookies_it_names_and_nothing_that_signs_in(front: Front, number: int, place: str) -> None:
    """A pattern over the Cookie header gave up on long ones; then everything passed, and the header was in the log."""
    email = f"{place}{number}@example.com"
    front.register(email)
    _, cookie = front.log_in(email)
    others = [f"_tracker{index}={index:024}" for index in range(number)]
    ours = [cookie, "cart=book-1", cookie]
    split = {"before": number, "after": 0, "around": number // 2}[place]

    sent = "; ".join([*others[:split], *ours, *others[split:]])
    answer = front.nginx.call("GET", "/orders/", Cookie=sent)

    assert answer.status == 200
    assert answer.body["headers"]["cookie"] == "cart=book-1"
    secret = cookie.split("=", 1)[1]
    assert secret not in str(answer.body)
    assert secret not in front.nginx.errors()


def test_a_backend_gets_no_cookie_where_none_is_its_own_and_no_sid(front: Front) -> None:
    front.register("cookies@example.com")
    sid, cookie = front.log_in("cookies@example.com")

    alone = front.nginx.call("GET", "/orders/", Cookie=cookie)
    by_header = front.nginx.call("GET", "/orders/", Cookie="cart=1; ", X_Session_ID=sid)

    assert "cookie" not in alone.body["headers"]
    assert by_header.body["headers"]["cookie"] == "cart=1"
    assert "x-session-id" not in by_header.body["headers"]


def test_the_question_and_its_headers_are_for_nginx_alone(front: Front) -> None:
    front.register("outside@example.com")
    sid, _ = front.log_in("outside@example.com")

    for path in ("/_session", "/session", "/healthz", "/readyz", "/metrics"):
        answer = front.nginx.call("GET", path, X_Session_ID=sid)
        assert answer.status == 404, path
        assert "X-Customer-UUID" not in answer.headers
    assert "X-Customer-UUID" not in front.nginx.call("GET", "/orders/", X_Session_ID=sid).headers


def test_headers_that_would_become_the_same_variable_do_not_pass(front: Front) -> None:
    front.register("underscore@example.com")
    sid, _ = front.log_in("underscore@example.com")
    connection = front.nginx.connect()

    answer = connection.call("GET", "/orders/", None, {"X-Session-ID": sid, "X_Admin_UUID": "forged"})
    connection.close()

    assert not [name for name in answer.body["headers"] if "admin" in name]
