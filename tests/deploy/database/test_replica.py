"""A replica that lags, goes away, and comes back, while it serves the list of customers."""

import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.deploy.database.postgres import Postgres
from tests.support.service import ANN, Service, sign_up, wait_until

Header = dict[str, str]
SignIn = Callable[..., Header]


@pytest.fixture
def service(primary: Postgres, standby: Postgres, start: Callable[..., Service]) -> Service:
    return start(CUSTOMERS_REPLICA_URL=standby.url())


def create(service: Service, admin: Header) -> str:
    """Have an admin create a customer, and return the e-mail address."""
    email = f"{uuid4()}@example.com"
    assert service.call("POST", "/api/customers", {**ANN, "email": email}, admin)[0] == 201
    return email


def listed(service: Service, admin: Header, query: str = "") -> list[str]:
    status, body = service.call("GET", f"/api/customers?{query}", headers=admin)
    assert status == 200, body
    return [found["email"] for found in body["data"]]


def catch_up(primary: Postgres, standby: Postgres) -> None:
    """Wait until the standby has replayed all that the primary has written."""
    ((written,),) = primary.execute("SELECT pg_current_wal_lsn()")
    wait_until(lambda: standby.execute(f"SELECT pg_last_wal_replay_lsn() >= '{written}'") == [(True,)])


def pause(primary: Postgres, standby: Postgres) -> None:
    """Have the standby lag from now on."""
    catch_up(primary, standby)
    standby.execute("SELECT pg_wal_replay_pause()")
    wait_until(lambda: standby.execute("SELECT pg_get_wal_replay_pause_state()") == [("paused",)])


def test_a_lagging_replica_serves_those_who_have_not_written_since(
    service: Service, primary: Postgres, standby: Postgres, sign_in_admin: SignIn
) -> None:
    writer, reader = sign_in_admin(service, "ada@shop.example"), sign_in_admin(service, "bob@shop.example")
    before = create(service, writer)
    pause(primary, standby)

    created = create(service, writer)
    by_writer, by_reader = listed(service, writer), listed(service, reader)
    searched = listed(service, writer, f"keyword={created}")
    late = listed(service, sign_in_admin(service, "eve@shop.example"))
    standby.execute("SELECT pg_wal_replay_resume()")
    catch_up(primary, standby)

    assert by_writer == [before, created]
    assert searched == [created]
    assert by_reader == [before], "this is how the replica is told from the primary"
    assert late == [before, created], "a replica that does not know the session is behind it"
    assert listed(service, reader) == [before, created]


@pytest.mark.parametrize("act", ["update", "delete", "group"])
def test_what_a_caller_has_changed_shows_at_another_instance_at_once(
    service: Service,
    primary: Postgres,
    standby: Postgres,
    start: Callable[..., Service],
    sign_in_admin: SignIn,
    act: str,
) -> None:
    other = start(CUSTOMERS_REPLICA_URL=standby.url())
    admin = sign_in_admin(service)
    group: Any = service.call("POST", "/api/customer-groups", {"group_name": "VIP"}, admin)[1]["data"]
    body = {**ANN, "group_id": group["customer_group_id"]}
    path = f"/api/customers/{service.call('POST', '/api/customers', body, admin)[1]['data']['uuid']}"
    pause(primary, standby)

    if act == "update":
        service.call("PATCH", path, {"full_name": "Zoë"}, admin)
    elif act == "delete":
        service.call("DELETE", path, None, admin)
    else:
        service.call("DELETE", f"/api/customer-groups/{group['uuid']}", None, admin)
    data = other.call("GET", "/api/customers", headers=admin)[1]["data"]

    found = [(customer["full_name"], customer["group_id"]) for customer in data]
    told = {"update": [("Zoë", group["customer_group_id"])], "delete": [], "group": [("Ann", 1)]}
    assert found == told[act]


def test_nothing_but_the_list_asks_a_replica(
    service: Service, primary: Postgres, standby: Postgres, sign_in_admin: SignIn
) -> None:
    admin, reader = sign_in_admin(service), sign_in_admin(service, "bob@shop.example")
    pause(primary, standby)

    path, header = sign_up(service, "ann@example.com")
    read = service.call("GET", path, headers=reader)[0]
    stale = listed(service, reader)
    own = service.call("GET", "/api/customers/me", headers=header)[0]
    service.call("POST", "/admin/user/logout", None, admin)
    ended = service.call("GET", "/api/customers", headers=admin)[0]

    assert (read, stale, own, ended) == (200, [], 200, 401)


def test_without_its_replica_the_primary_serves_and_says_so_once(
    service: Service, standby: Postgres, sign_in_admin: SignIn
) -> None:
    admin = sign_in_admin(service)
    listed(service, admin)

    standby.stop()
    seconds = []
    for _ in range(20):
        began = time.monotonic()
        listed(service, admin)
        seconds.append(time.monotonic() - began)
    standby.start()
    wait_until(lambda: listed(service, admin) == [] and "the replica serves again" in service.log.read_text(), 40)
    told = [line["message"] for line in service.lines() if line["level"] == "warning" and "replica" in line["message"]]

    assert max(seconds) < 3
    assert sorted(seconds)[10] < 0.5
    assert 1 <= len(told) <= 2, "once for each of the two workers"
