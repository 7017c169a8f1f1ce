"""deploy/role.sql: the service's role can do what the service does, and nothing to the audit trail but add to it."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import psycopg
import pytest
from flask import Flask
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from customers.db import migrate
from customers.evershop import service as evershop
from customers.features.sessions import service as admins
from customers.http import context
from customers.mail.sender import deliver_next
from tests.conftest import ADDRESS, EVERSHOP, PASSWORD, Account, Made, application, log_in, new_client
from tests.support.answers import data_of
from tests.support.builders import CUSTOMERS, GROUPS, NEW, NEW_PASSWORD, address_of, group_of, registered, reset_token
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.shops import give_rights, migrated


class Restricted(NamedTuple):
    """The service on a database of its own, and that database, in the name of the restricted role."""

    app: Flask
    db: Db
    role: str
    owners: Db


@pytest.fixture
def restricted(make: Callable[[str], Made], request: pytest.FixtureRequest) -> Iterator[Restricted]:
    """Return the service as it runs under the role, on a shop's database; beside EverShop if a test asks for that."""
    ctx, owners = migrated(make, EVERSHOP)
    beside = getattr(request, "param", False)
    admins.create_admin(ctx, email="staff@example.com", password=PASSWORD, full_name="Staff")
    role, password = f"test_{secrets.token_hex(8)}", secrets.token_hex(16)  # roles are the whole server's
    if beside:
        migrate.apply(ctx.db, evershop.SETUP)
    give_rights(owners.conninfo, role, password)
    own = make_conninfo(owners.conninfo, user=role, password=password)  # a pooler would have to know the role
    # One step more than the hash of the admin has, so that a login renews it.
    settings = replace(ctx.settings, database_url=own, smtp_url="smtp://127.0.0.1:9", bcrypt_rounds=5)
    app = application(replace(settings, evershop_cookie_secrets=("s" * 32,) if beside else ()))
    with Db(own) as db:
        yield Restricted(app, db, role, owners)
    context.of(app).db.close()
    owners.execute(f"DROP OWNED BY {role}")
    owners.execute(f"DROP ROLE {role}")


@pytest.mark.parametrize("restricted", [False, True], ids=["alone", "beside EverShop"], indirect=True)
def test_everything_the_service_does_can_be_done_under_the_role(restricted: Restricted) -> None:
    app, _, _, owners = restricted
    visitor = new_client(app, use_cookies=False)
    renewed = "SELECT password FROM admin_user WHERE email = 'staff@example.com'"
    weak = owners.one(renewed)
    staff = Account(app, "", "staff@example.com", log_in(visitor, "staff@example.com", path="/admin/user/login"))

    def act(client: CheckingClient, method: str, path: str, body: Any = None) -> None:
        answer = client.open(path, method=method, json=body)
        assert answer.status_code == 200, (method, path, answer.text)

    def reset(customer: Account) -> None:
        body = {"token": reset_token(owners, customer), "password": PASSWORD}
        act(visitor, "POST", f"{CUSTOMERS}/password", body)

    reset(Account(app, registered(visitor, email="p@example.com", status=0)["uuid"], "", ""))  # which was pending
    uuid = registered(visitor)["uuid"]
    own = Account(app, uuid, NEW["email"], log_in(visitor, NEW["email"]))
    customer, admin = own.client, staff.client
    data_of(customer.post(f"{own.path}/addresses", json=ADDRESS, headers={"Idempotency-Key": "k"}), 201)
    act(customer, "PATCH", own.path, {"email": "b@example.com", "password": NEW_PASSWORD, "full_name": "B"})
    address = address_of(own, is_default=True)
    act(customer, "PATCH", address, {"city": "Elsewhere"})
    act(customer, "DELETE", address)
    act(customer, "GET", f"{own.path}/sessions")
    act(customer, "DELETE", f"{own.path}/sessions")
    act(visitor, "POST", f"{CUSTOMERS}/reset-password", {"email": "b@example.com"})
    reset(own)
    for read in (f"{CUSTOMERS}?keyword=b", f"{own.path}/export", f"{own.path}/audit", GROUPS, "/readyz"):
        act(admin, "GET", read)
    group = group_of(staff, "New")
    act(admin, "PATCH", own.path, {"group_id": group["customer_group_id"], "status": 0})
    act(admin, "PATCH", group["path"], {"group_name": "Newer"})
    act(admin, "DELETE", group["path"])
    act(admin, "DELETE", own.path)
    act(admin, "POST", "/admin/user/logout")
    owners.execute("UPDATE login_session SET expires_at = now()")
    for command in ("purge", "outbox"):
        done = app.test_cli_runner().invoke(args=[command])
        assert done.exit_code == 0, (command, done.output)
    ctx = context.of(app)
    assert deliver_next(ctx.db, ctx.settings, ctx.mail)

    assert len(owners.all("SELECT FROM audit_log")) > 15
    told = {row["name"] for row in owners.all("SELECT name FROM event")}
    triggered = {"customer_created", "customer_updated", "customer_deleted"}  # by the shop's own triggers
    assert told == triggered | ({"customer_registered", "account_created"} if context.of(app).evershop else set())
    assert owners.one(renewed) != weak


FORBIDDEN = [
    "UPDATE audit_log SET event = 'x'",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
    "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    "DROP TABLE audit_log",
    "INSERT INTO admin_user (email, password) VALUES ('a@b.co', 'x')",
    "UPDATE admin_user SET status = true",
    "DELETE FROM admin_user",
    "UPDATE customer_counter SET customers = 0",
    "CREATE TABLE mine (x int)",
    # Of EverShop's, while there is none beside this service.
    *("SELECT FROM session", "SELECT FROM cart", 'SELECT FROM "order"'),
]


def test_the_role_cannot_touch_the_audit_trail_nor_make_admins_nor_change_tables(restricted: Restricted) -> None:
    registered(new_client(restricted.app))
    before = restricted.db.all("SELECT * FROM audit_log")
    restricted.db.execute("SET customers.purge_audit = on")  # the trigger would let the deletion pass

    for statement in FORBIDDEN:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            restricted.db.execute(statement)
    purge = restricted.app.test_cli_runner().invoke(args=["purge-audit", "--older-than", "1"])

    assert purge.output == "Error: the database says: permission denied for table audit_log\n"
    assert restricted.owners.all("SELECT * FROM audit_log") == before
    assert len(before) == 2


def test_the_role_has_a_password_and_timeouts_and_keeps_those_that_an_operator_has_set(restricted: Restricted) -> None:
    _, db, role, owners = restricted
    assert owners.one("SELECT rolpassword IS NOT NULL AS set FROM pg_authid WHERE rolname = %s", role) == {"set": True}
    current = """SELECT current_setting('statement_timeout') || ', '
                     || current_setting('idle_in_transaction_session_timeout') || ', '
                     || current_setting('enable_mergejoin') AS now"""
    first = db.one(current)["now"]
    owners.execute(f"ALTER ROLE {role} SET statement_timeout TO '9s'")
    give_rights(owners.conninfo, role)

    with Db(db.conninfo) as later:
        assert (first, later.one(current)["now"]) == ("5s, 10s, off", "9s, 10s, off")


def test_the_role_cannot_have_its_customers_counted_in_a_table_of_its_own(restricted: Restricted) -> None:
    """A function with its definer's rights must not find a table of the caller's making."""
    _, db, role, owners = restricted
    counted = "SELECT sum(customers)::int AS found FROM customer_counter"
    before = owners.one(counted)["found"] or 0
    owners.execute(f"GRANT TEMPORARY ON DATABASE {conninfo_to_dict(owners.conninfo)['dbname']} TO {role}")

    db.execute("CREATE TEMP TABLE customer_counter (slot int, customers bigint)")
    db.execute("SET search_path = pg_temp, public")
    db.execute("INSERT INTO customer (email, password) VALUES ('c@example.com', 'x')")

    assert owners.one(counted) == {"found": before + 1}


def test_every_table_has_its_rights_in_the_file_which_takes_back_what_was_given_by_hand(restricted: Restricted) -> None:
    """A table that the next feature adds is not forgotten: without a right to read it, the service would fail."""
    _, db, role, owners = restricted
    owners.execute(f"GRANT ALL ON audit_log, admin_user TO {role}")

    give_rights(owners.conninfo, role)

    rights = owners.all(
        "SELECT table_name, privilege_type FROM information_schema.table_privileges"
        " WHERE grantee = %s AND table_name IN ('audit_log', 'admin_user') ORDER BY 1, 2",
        role,
    )
    found = [tuple(row.values()) for row in rights]
    assert found == [("admin_user", "SELECT"), ("audit_log", "INSERT"), ("audit_log", "SELECT")]
    unreadable = """
        SELECT relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT has_table_privilege(oid, 'SELECT')
           AND relname NOT IN ('session', 'event', 'migration', 'setting', 'order', 'cart')  -- EverShop's own
    """
    assert db.all(unreadable) == []


def test_the_file_refuses_the_tables_owner_and_a_database_without_the_schema(make: Callable[..., Made]) -> None:
    (_, bare), (_, owners) = make(), migrated(make)

    with pytest.raises(psycopg.errors.RaiseException, match="must be another role"):
        give_rights(owners.conninfo, owners.one("SELECT current_user AS name")["name"])
    with pytest.raises(psycopg.errors.RaiseException, match="flask init-db"):
        give_rights(bare.conninfo)
