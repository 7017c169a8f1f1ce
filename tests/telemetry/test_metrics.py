"""Metrics of all workers together: none is lost, no label grows without bound."""

import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from customers.telemetry.metrics import template
from tests.conftest import new_client
from tests.support.database import Db
from tests.support.measured import Measured
from tests.support.service import Service, sign_up, wait_until
from tests.support.shops import with_schema

COUNT = "customers_http_request_duration_seconds_count"
HEALTHZ = COUNT, frozenset({("route", "/healthz"), ("method", "GET"), ("status", "200")})


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, make_database: Callable[[], str]) -> Iterator[Measured]:
    """Return a service of three workers."""
    settings = {"CUSTOMERS_BCRYPT_ROUNDS": "4", "CUSTOMERS_WORKERS": "3"}
    database = with_schema(make_database())
    log = tmp_path_factory.mktemp("metrics") / "log"
    made = Measured(Service, log, CUSTOMERS_DATABASE_URL=database, **settings)
    yield made
    made.service.stop()


def get_often(service: Service, times: int) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: service.call("GET", "/healthz"), range(times)))


def replaced(measured: Measured, former: set[int]) -> bool:
    """Return whether all workers of before have ended and as many others answer."""
    now = {worker.pid for worker in measured.workers()}
    return len(now) == 3 and not former & now and measured.service.answers()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP], ids=["killed workers", "a reload"])
def test_the_counts_of_all_workers_add_up_and_outlive_them(measured: Measured, how: signal.Signals) -> None:
    before = measured.scrape().get(HEALTHZ, 0)
    get_often(measured.service, 100)
    counted = measured.scrape()[HEALTHZ]
    workers = measured.workers()

    for victim in workers if how == signal.SIGKILL else [measured.service.process]:
        victim.send_signal(how)
    wait_until(lambda: replaced(measured, {worker.pid for worker in workers}))
    kept = measured.scrape()[HEALTHZ]
    get_often(measured.service, 50)

    assert counted == before + 100
    assert kept >= counted  # and what the wait for an answer has added
    assert measured.scrape()[HEALTHZ] == kept + 50


@pytest.mark.usefixtures("app")
def test_a_killed_workers_gauge_is_forgotten(serve: Callable[..., Service], database: str) -> None:
    measured = Measured(serve, database, CUSTOMERS_WORKERS="1", CUSTOMERS_BCRYPT_ROUNDS="14")
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(
            measured.service.call, "POST", "/customer/login", {"email": "a@b.co", "password": "wrong one"}
        )
        wait_until(lambda: measured.value("customers_hashing_jobs") == 1)

        measured.workers()[0].kill()

        wait_until(lost.done)
        wait_until(measured.service.answers)
        assert measured.value("customers_hashing_jobs") == 0


def test_no_label_holds_what_a_client_has_sent(measured: Measured, app: Flask) -> None:
    for number in range(5):
        measured.service.call("GET", f"/nothing/{number}")
        measured.service.call("GET", f"/api/customers/{number:032x}")
        measured.service.call(f"BREW{number}", "/healthz")

    labels = {name: set[str]() for name in ("route", "method", "status")}
    for name, having in measured.scrape():
        if name == COUNT:
            for label, value in having:
                labels[label].add(value)
    known = {template(rule.rule) for rule in app.url_map.iter_rules()}
    assert {"/api/customers/{uuid}", "unmatched"} <= labels["route"] <= known | {"unmatched"}
    assert {"GET", "other"} <= labels["method"] <= {"GET", "POST", "other"}
    assert all(re.fullmatch("[1-5][0-9][0-9]", status) for status in labels["status"])


def test_logins_are_counted_by_kind_and_outcome_and_so_is_hashing(measured: Measured) -> None:
    before = measured.scrape()

    def count(name: str, **labels: str) -> float:
        return sum(
            value - before.get((found, having), 0)
            for (found, having), value in measured.scrape().items()
            if found == name and labels.items() <= set(having)
        )

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


@pytest.mark.usefixtures("app")
def test_a_full_hashing_queue_shows_in_the_metrics_and_scrapes_are_answered_meanwhile(
    serve: Callable[..., Service], database: str
) -> None:
    measured = Measured(
        serve, database, CUSTOMERS_WORKERS="1", CUSTOMERS_BCRYPT_ROUNDS="12", CUSTOMERS_HASH_MAX_WAIT="0.5"
    )
    login = {"email": "nobody@example.com", "password": "wrong password"}

    deepest = 0.0
    with ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(measured.service.call, "POST", "/customer/login", login) for _ in range(12)]
        while not all(call.done() for call in calls):
            deepest = max(deepest, measured.value("customers_hashing_jobs"))
    statuses = [call.result()[0] for call in calls]

    assert deepest >= 1
    assert statuses.count(503) >= 1
    assert measured.value("customers_hashing_refusals_total") == statuses.count(503)
    assert measured.value(COUNT, route="/customer/login", status="503") == statuses.count(503)


def scrape(app: Flask) -> dict[str, float]:
    """Return the metrics that the database knows, by name."""
    answer = new_client(app).get("/metrics")
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    return {found.name: found.value for one in families for found in one.samples if not found.labels}


def test_the_outbox_is_measured(app: Flask, db: Db) -> None:
    db.execute(
        "INSERT INTO outbox_mail (kind, recipient, created_at, sent_at, failed_at) VALUES"
        " ('reset_password', 'a@b.co', now() - interval '1 hour', NULL, NULL),"
        " ('reset_password', 'a@b.co', now(), NULL, NULL),"
        " ('reset_password', 'a@b.co', now() - interval '1 day', now(), NULL),"
        " ('reset_password', 'a@b.co', now() - interval '2 days', NULL, now())"
    )

    found = scrape(app)

    assert found["customers_database_up"] == 1
    assert found["customers_database_connections"] >= 1
    assert found["customers_outbox_mails"] == 2
    assert 3600 <= found["customers_outbox_oldest_seconds"] < 3700
    assert found["customers_outbox_given_up"] == 1


def test_without_the_database_all_but_its_own_metrics_are_served(make_app: Callable[..., Flask]) -> None:
    app = make_app(database_url="postgresql://127.0.0.1:1/none")
    new_client(app).get("/healthz")

    found = scrape(app)

    assert found["customers_database_up"] == 0
    assert not [name for name in found if name.startswith("customers_outbox")]
    assert (
        'customers_http_request_duration_seconds_count{method="GET",route="/healthz"'
        in new_client(app).get("/metrics").text
    )
