"""deploy/evershop/nginx.conf: which requests go to the service, and which to EverShop."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.deploy.nginx import BESIDE_EVERSHOP, UNLIMITED, Nginx
from tests.support.answering import Reply, answering
from tests.support.service import free_port, wait_until

UUID = "5f0d2c44-7a0e-4b3c-8a55-0f6d5f0f2b11"
# As an operator switches the admins' login on.
WITH_ADMINS = {"        #location": "        location", "        #    ": "            ", "        #}": "        }"}


@contextmanager
def both(changes: dict[str, str]) -> Iterator[Nginx]:
    """Return nginx in front of two servers that answer with their names and what they were sent."""

    def echo(name: str) -> Any:
        def reply(request: BaseHTTPRequestHandler, _: bytes) -> Reply:
            headers = {name.lower(): value for name, value in request.headers.items()}
            return 200, "application/json", json.dumps([name, request.path, headers]).encode()

        return reply

    with (
        answering(echo("customers")) as customers,
        answering(echo("evershop")) as evershop,
        closing(Nginx([customers] * 2, evershop, changes, BESIDE_EVERSHOP)) as nginx,
    ):
        yield nginx


@pytest.fixture(scope="module")
def nginx() -> Iterator[Nginx]:
    with both(UNLIMITED) as nginx:
        yield nginx


def reached(nginx: Nginx, method: str, path: str, port: int | None = None) -> tuple[str, str]:
    """Return who got a request, and with which path."""
    with closing(nginx.connect(port)) as connection:
        answer = connection.call(method, path)
    assert answer.status == 200, (path, answer)
    name, seen, _ = answer.body
    return name, seen


def test_what_evershop_would_take_as_a_path_of_customers_comes_to_the_service_as_its_plain_path(nginx: Nginx) -> None:
    """EverShop ignores case, a slash at the end, and a locale; a login that it still takes is past our limits."""
    assert nginx.call("GET", "/api/customers/" + '"' * 3_000).body["error"]["status"] == 400
    for name in ("login", "logout"):
        for form in ("/customer/{}", "/de/customer/{}", "/pt-BR/customer/{}/", "//customer//{}", "/x/../%63ustomer/{}"):
            for path in (form.format(name), form.format(name).title()):
                assert reached(nginx, "POST", path) == ("customers", f"/customer/{name}"), path
    for method, path, plain in (
        ("POST", "/API/Customers/", "/api/customers"),
        ("POST", "/de/api/customers", "/api/customers"),
        ("GET", "/api/customers?page=2&keyword=a%20b", "/api/customers?page=2&keyword=a%20b"),
        ("POST", "/api/customers/me/addresses/", "/api/customers/me/addresses"),
        ("PATCH", f"/Api/customers/me/addresses/{UUID}", f"/api/customers/me/addresses/{UUID}"),
        ("POST", "/de/Api/CUSTOMERS/password", "/api/customers/password"),
        ("POST", "/customers/logout", "/customers/logout"),
        ("GET", "/api/customer-groups", "/api/customer-groups"),
        ("PATCH", f"/api/customer-groups/{UUID}", f"/api/customer-groups/{UUID}"),
    ):
        assert reached(nginx, method, path) == ("customers", plain), path


def test_all_else_goes_to_evershop_as_it_was_sent(nginx: Nginx) -> None:
    for method, path in (
        ("GET", "/"),
        ("GET", "/images?src=%2Fassets%2Fa%20b.png&w=640"),
        ("POST", "/api/graphql"),
        ("POST", "/api/customer/tokens"),
        ("PATCH", f"/api/customers/{UUID}/metafields"),
        ("PATCH", f"/API/customers/{UUID}/Metafields/"),
        ("GET", "/api/customers-of-others"),
        ("GET", "/customer/login/help"),
        ("GET", "/admin/customers"),
        ("POST", "/admin/user/login"),
    ):
        assert reached(nginx, method, path) == ("evershop", path)


def test_the_admins_login_can_be_switched_to_the_service() -> None:
    with both({**UNLIMITED, **WITH_ADMINS}) as nginx:
        for path in ("/admin/user/login", "/Admin/User/Login/", "/de/admin/user/login"):
            assert reached(nginx, "POST", path) == ("customers", "/admin/user/login")
        assert reached(nginx, "GET", "/admin/user/logout/") == ("customers", "/admin/user/logout")
        assert reached(nginx, "GET", "/admin/users")[0] == "evershop"


def test_the_services_pages_for_the_staff_have_a_port_of_their_own_and_nothing_else_is_there(nginx: Nginx) -> None:
    for path in ("/admin", "/admin/customers", "/admin/login", "/admin-assets/staff.css", "/docs", "/openapi.json"):
        assert reached(nginx, "GET", path, nginx.staff_port) == ("customers", path)
    for path in ("/", "/api/customers", "/customer/login", "/metrics", "/session"):
        with closing(nginx.connect(nginx.staff_port)) as connection:
            assert connection.call("GET", path).status == 404


def test_both_get_all_cookies_and_only_the_service_gets_a_sid(nginx: Nginx) -> None:
    cookies = "sid=s%3Aone.two; __Host-customers=three; asid=s%3Afour.five"
    sent = {"Cookie": cookies, "X_Session_ID": UUID, "X_Customer_UUID": "forged"}

    customers, evershop = (nginx.call("GET", path, **sent).body[2] for path in ("/api/customers", "/account"))

    assert customers["cookie"] == evershop["cookie"] == cookies
    assert (customers["x-session-id"], evershop.get("x-session-id")) == (UUID, None)
    assert "forged" not in str(customers) + str(evershop)


def test_the_token_of_a_reset_link_is_in_no_log() -> None:
    link = "/account/reset-password?token=SECRET"
    with closing(Nginx([free_port()] * 2, free_port(), UNLIMITED, BESIDE_EVERSHOP)) as nginx:
        assert nginx.call("GET", link).status == 503
        assert (
            nginx.call("POST", "/api/customers/password", b"x" * (2**20 + 1), Referer=nginx.base + link).status == 413
        )
        assert nginx.call("POST", "/api/customers/password", {}, Referer=nginx.base + link).status == 503
        wait_until(lambda: len(nginx.lines()) == 3)
        assert "SECRET" not in nginx.errors() + str(nginx.lines())


def test_evershops_pages_run_inline_scripts_and_tell_no_other_site_a_token(nginx: Nginx) -> None:
    headers = nginx.call("GET", "/account/reset-password?token=abc").headers

    assert headers["Content-Security-Policy"] == "base-uri 'self'; object-src 'none'; frame-ancestors 'self'"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert headers["Referrer-Policy"] == "same-origin"


def test_logins_are_limited_in_every_form_and_evershops_own_by_token_as_well() -> None:
    with both({}) as nginx:
        paths = ("/de/Customer/Login/", "/api/customer/tokens", "/API/user/tokens/", "/admin/user/login")
        answers = [nginx.call("POST", path, {}) for _ in range(10) for path in paths]

    assert {answer.status for answer in answers[:20]} == {200}
    assert answers[-1].body["error"]["code"] == "too_many_requests"
