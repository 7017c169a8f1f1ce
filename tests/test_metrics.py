"""Metrics of the service as it is run: all workers add up, none is lost, nothing public, no label without bound."""

import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from customers.metrics import template
from tests.support.measured import Measured
from tests.support.service import Service, sign_up, wait_until

HEALTHZ = ("customers_http_requests_total", frozenset({("route", "/healthz"), ("method", "GET"), ("status", "200")}))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    """Return a service whose four workers have all begun."""
    folder = tmp_path_factory.mktemp("metrics")
    settings = {"CUSTOMERS_DATA_DIR": str(folder / "data"), "CUSTOMERS_BCRYPT_ROUNDS": "4", "CUSTOMERS_WORKERS": "4"}
    made = Measured(Service, folder / "log", **settings)
    try:
        wait_until(lambda: made.value("customers_database_connections_max") == 40)
        yield made
    finally:
        made.service.stop()


def get_often(service: Service, times: int) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: service.call("GET", "/healthz"), range(times)))


def test_the_workers_counts_add_up(measured: Measured) -> None:
    before = measured.scrape()[HEALTHZ]

    get_often(measured.service, 200)

    after = measured.scrape()
    assert after[HEALTHZ] == before + 200
    count = frozenset({("route", "/healthz"), ("method", "GET")})
    assert after["customers_http_request_duration_seconds_count", count] == after[HEALTHZ]


def test_a_killed_worker_takes_no_count_with_it_and_its_successor_goes_on(measured: Measured) -> None:
    get_often(measured.service, 100)
    before = measured.scrape()[HEALTHZ]
    victims = measured.workers()

    for victim in victims:
        victim.kill()
    wait_until(lambda: len(measured.workers()) == 4 and not set(victims) & set(measured.workers()))
    wait_until(lambda: measured.value("customers_database_connections_max") == 40)
    kept = measured.scrape()[HEALTHZ]
    get_often(measured.service, 100)

    assert kept == before
    assert measured.scrape()[HEALTHZ] == before + 100


def test_a_reload_keeps_the_counts_and_forgets_what_old_workers_held(measured: Measured) -> None:
    get_often(measured.service, 50)
    before, old = measured.scrape()[HEALTHZ], set(measured.workers())

    measured.service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(measured.workers()) == 4 and not old & set(measured.workers()))
    wait_until(lambda: measured.value("customers_database_connections_max") == 40)
    get_often(measured.service, 50)

    assert measured.scrape()[HEALTHZ] == before + 50


def test_paths_nobody_knows_are_one_label_and_so_are_methods(measured: Measured, app: Flask) -> None:
    measured.service.call("POST", "/customers/logout")
    for number in range(20):
        measured.service.call("GET", f"/nothing/{number}")
        measured.service.call("GET", f"/api/customers/{number:032x}")
        measured.service.call(f"BREW{number}", "/healthz")

    labels = {name: set[str]() for name in ("route", "method", "status")}
    for name, having in measured.scrape():
        if name == "customers_http_requests_total":
            for label, value in having:
                labels[label].add(value)
    known = {template(rule.rule) for rule in app.url_map.iter_rules()}
    assert {"/api/customers/{uuid}", "unmatched"} <= labels["route"] <= known | {"unmatched"}
    assert labels["method"] == {"GET", "POST", "other"}
    assert all(re.fullmatch("[1-5][0-9][0-9]", status) for status in labels["status"])


def test_logins_are_counted_by_kind_and_outcome_and_so_is_hashing(measured: Measured) -> None:
    def count(name: str, **labels: str) -> float:
        return measured.value(name, **labels) - sum(
            value for (found, having), value in before.items() if found == name and labels.items() <= set(having)
        )

    before = measured.scrape()
    sign_up(measured.service, "counted@example.com")
    wrong = {"email": "counted@example.com", "password": "wrong password"}
    measured.service.call("POST", "/customer/login", wrong)
    measured.service.call("POST", "/customer/login", {**wrong, "email": "nobody@example.com"})
    measured.service.call("POST", "/admin/user/login", wrong)

    assert count("customers_logins_total", kind="customer", outcome="ok") == 1
    assert count("customers_logins_total", kind="customer", outcome="failed") == 2
    assert count("customers_logins_total", kind="admin", outcome="ok") == 0
    assert count("customers_logins_total", kind="admin", outcome="failed") == 1
    assert count("customers_hashing_duration_seconds_count") == 5
    assert measured.value("customers_hashing_jobs") == 0
    assert measured.value("customers_database_connections_in_use") == 0


@pytest.fixture
def loaded(measured: Measured) -> Iterator[Measured]:
    """Return a service that answers as fast as it can, to 16 clients."""
    going = True

    def call() -> None:
        while going:
            measured.service.call("GET", "/api/customers/me")

    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(call) for _ in range(16)]
        yield measured
        going = False
    for done in calls:
        done.result()


def test_a_scrape_under_load_never_fails_and_counts_never_fall(loaded: Measured) -> None:
    me = {"route": "/api/customers/{uuid}", "status": "401"}
    last = 0.0
    for number in range(100):
        if number % 10 == 0:
            loaded.workers()[0].terminate()  # gracefully, so that the clients notice nothing
        count = loaded.value("customers_http_requests_total", **me)
        assert count >= last
        last = count

    assert last > 0


def test_metrics_are_not_served_to_the_public_nor_the_api_beside_them(measured: Measured) -> None:
    assert measured.service.call("GET", "/metrics")[0] == 404
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{measured.port}/healthz", timeout=10)
