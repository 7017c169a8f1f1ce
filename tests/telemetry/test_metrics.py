"""Metrics of all workers together: none is lost, no label grows without bound."""

import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from customers.telemetry.metrics import template
from tests.conftest import MakeApp, new_client
from tests.support.database import Db
from tests.support.service import Service, sign_up, wait_until

COUNT = "customers_http_request_duration_seconds_count"
LOGIN = {"email": "nobody@example.com", "password": "wrong password"}


# Three workers, whose hashes take long enough to be seen.
SETTINGS = {"CUSTOMERS_WORKERS": "3", "CUSTOMERS_BCRYPT_ROUNDS": "10"}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP], ids=["killed workers", "a reload"])
def test_the_counts_of_all_workers_add_up_and_outlive_them(service: Service, how: signal.Signals) -> None:
    def get_often(times: int) -> float:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: service.call("GET", "/healthz"), range(times)))
        return service.metric(COUNT, route="/healthz", method="GET", status="200")

    before, counted = get_often(1), get_often(50)
    workers = set(service.workers())

    for victim in workers if how == signal.SIGKILL else [service.process]:
        victim.send_signal(how)
    wait_until(lambda: len(service.workers()) == 3 and not workers & set(service.workers()) and service.answers())
    kept = get_often(1)

    assert counted == before + 50
    assert kept > counted  # and what the wait for an answer has added
    assert get_often(50) == kept + 50


def test_a_killed_workers_gauge_is_forgotten(service: Service) -> None:
    with ThreadPoolExecutor(24) as pool:
        for _ in range(24):
            pool.submit(service.call, "POST", "/customer/login", LOGIN)
        wait_until(lambda: service.metric("customers_hashing_jobs") >= 1)
        for worker in service.workers():
            worker.kill()

    wait_until(service.answers)
    wait_until(lambda: service.metric("customers_hashing_jobs") == 0)  # once the master has seen each of them end


def test_no_label_holds_what_a_client_has_sent(service: Service, app: Flask) -> None:
    for number in range(5):
        service.call("GET", f"/nothing/{number}")
        service.call("GET", f"/api/customers/{number:032x}")
        service.call(f"BREW{number}", "/healthz")

    labels = [sample.labels for sample in service.samples(COUNT)]
    routes, methods, statuses = ({one[label] for one in labels} for label in ("route", "method", "status"))
    known = {template(rule.rule) for rule in app.url_map.iter_rules()}
    assert {"/api/customers/{uuid}", "unmatched"} <= routes <= known | {"unmatched"}
    assert {"GET", "other"} <= methods <= {"GET", "POST", "other"}
    assert all(re.fullmatch("[1-5][0-9][0-9]", status) for status in statuses)


def test_logins_are_counted_by_kind_and_outcome_and_so_is_hashing(service: Service) -> None:
    def counts() -> list[float]:
        logins = [("customer", "ok"), ("customer", "failed"), ("admin", "ok"), ("admin", "failed")]
        counted = [service.metric("customers_logins_total", kind=kind, outcome=outcome) for kind, outcome in logins]
        return [*counted, service.metric("customers_hashing_duration_seconds_count")]

    before = counts()
    sign_up(service, "counted@example.com")
    service.call("POST", "/customer/login", LOGIN | {"email": "counted@example.com"})
    service.call("POST", "/customer/login", LOGIN)
    service.call("POST", "/admin/user/login", LOGIN)

    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 2, 0, 1, 5]


def test_the_database_and_the_oldest_mail_are_measured_or_all_but_that(app: Flask, db: Db, make_app: MakeApp) -> None:
    db.execute("INSERT INTO outbox_mail (kind, recipient, created_at, sent_at, failed_at) VALUES"
               " ('reset_password', 'a@b.co', now() - interval '1 hour', NULL, NULL),"
               " ('reset_password', 'a@b.co', now() - interval '1 minute', NULL, NULL),"
               " ('reset_password', 'a@b.co', now() - interval '2 hours', NULL, now()),"
               " ('reset_password', 'a@b.co', now() - interval '1 day', now(), NULL)")  # fmt: skip

    text = new_client(app).get("/metrics").text

    for line in ("database_up 1.0", "database_connections [1-9].*", "outbox_mails 2.0", "outbox_given_up 1.0",
                 r"outbox_oldest_seconds 36\d\d\..*"):  # fmt: skip
        assert re.search(f"^customers_{line}$", text, re.MULTILINE), line

    text = new_client(make_app(database_url="postgresql://127.0.0.1:1/none")).get("/metrics").text

    assert "\ncustomers_database_up 0.0\n" in text
    assert "\ncustomers_hashing_jobs " in text
    assert "customers_outbox" not in text
