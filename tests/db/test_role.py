"""deploy/role.sql: the service's role can do what the service does, and nothing to the audit trail but add to it."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest
from flask import Flask
from psycopg.conninfo import make_conninfo

from customers.features.sessions import service as admins
from customers.http import context
from tests.conftest import ADDRESS, EVERSHOP, PASSWORD, REPOSITORY, Made, application, log_in, new_client
from tests.support.database import Db
from tests.support.service import ANN
from tests.support.shops import migrated

ROLE_SQL = (REPOSITORY / "deploy" / "role.sql").read_text()
NEW_PASSWORD = "staple correct horse"


def give_rights(conninfo: str, role: str) -> None:
    """Apply the file, as an operator does."""
    with psycopg.connect(conninfo, options=f"-c customers.role={role}") as conn:
        conn.execute(ROLE_SQL.encode())


@dataclass
class Restricted:
    """The service on a database of its own, and that database, in the name of the restricted role."""

    app: Flask
    db: Db
    role: str
    owners: Db
    owners_conninfo: str


@pytest.fixture(params=["", EVERSHOP], ids=["empty", "evershop"])
def restricted(request: pytest.FixtureRequest, make: Callable[[str], Made]) -> Iterator[Restricted]:
    """Return the service as it runs under the role, on an empty database and on a shop's."""
    ctx, owners = migrated(make, request.param)
    admins.create_admin(ctx, email="staff@example.com", password=PASSWORD, full_name="Staff")
    role, password = f"test_{secrets.token_hex(8)}", secrets.token_hex(16)  # roles are the whole server's
    conninfo = owners.conninfo  # a pooler would have to know the role
    give_rights(conninfo, role)
    owners.execute(f"ALTER ROLE {role} PASSWORD '{password}'")
    own = make_conninfo(conninfo, user=role, password=password)
    # One step more than the hash of the admin has, so that a login renews it.
    settings = replace(ctx.settings, database_url=own, smtp_url="smtp://127.0.0.1:9", bcrypt_rounds=5)
    app, db = application(settings), Db(own)
    yield Restricted(app, db, role, owners, conninfo)
    context.of(app).db.close()
    db.close()
    owners.execute(f"DROP OWNED BY {role}")
    owners.execute(f"DROP ROLE {role}")


def test_everything_the_service_does_can_be_done_under_the_role(restricted: Restricted) -> None:
    app, owners = restricted.app, restricted.owners
    customer, staff = (new_client(app, use_cookies=False) for _ in range(2))
    weak = owners.one("SELECT password FROM admin_user WHERE email = 'staff@example.com'")["password"]
    staff.environ_base["HTTP_X_SESSION_ID"] = log_in(staff, "staff@example.com", path="/admin/user/login")

    def act(client: object, method: str, path: str, body: object = None, **headers: str) -> dict[str, str]:
        assert client in (customer, staff)
        visitor = customer if client is customer else staff
        answer = visitor.open(path, method=method, json=body, headers=headers)
        assert answer.status_code in (200, 201), (method, path, answer.text)
        found: dict[str, str] = answer.get_json()["data"]
        return found

    pending = act(customer, "POST", "/api/customers", {**ANN, "email": "p@example.com", "status": 0})["uuid"]
    token = hashlib.sha256(b"a-token").hexdigest()
    insert = (
        "INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, %s FROM customer WHERE uuid = %s"
    )
    owners.execute(insert, token, pending)
    act(staff, "POST", "/api/customers/password", {"token": "a-token", "password": PASSWORD})
    path = f"/api/customers/{act(customer, 'POST', '/api/customers', ANN)['uuid']}"
    customer.environ_base["HTTP_X_SESSION_ID"] = log_in(customer, ANN["email"])
    act(customer, "POST", f"{path}/addresses", ADDRESS, **{"Idempotency-Key": "k"})
    act(customer, "PATCH", path, {"email": "b@example.com", "password": NEW_PASSWORD, "full_name": "B"})
    address = act(customer, "POST", f"{path}/addresses", {**ADDRESS, "is_default": True})["uuid"]
    act(customer, "PATCH", f"{path}/addresses/{address}", {"city": "Elsewhere"})
    act(customer, "DELETE", f"{path}/addresses/{address}")
    act(customer, "GET", f"{path}/sessions")
    act(customer, "DELETE", f"{path}/sessions")
    act(customer, "POST", "/api/customers/reset-password", {"email": "b@example.com"})
    owners.execute(insert, token, path.rpartition("/")[2])
    act(staff, "POST", "/api/customers/password", {"token": "a-token", "password": PASSWORD})
    act(staff, "GET", "/api/customers?keyword=b")
    act(staff, "GET", f"{path}/export")
    act(staff, "GET", f"{path}/audit")
    group = act(staff, "POST", "/api/customer-groups", {"group_name": "New"})
    act(staff, "PATCH", path, {"group_id": group["customer_group_id"], "status": 0})
    act(staff, "PATCH", f"/api/customer-groups/{group['uuid']}", {"group_name": "Newer"})
    act(staff, "DELETE", f"/api/customer-groups/{group['uuid']}")
    act(staff, "DELETE", path)
    act(staff, "GET", "/readyz")
    act(staff, "POST", "/admin/user/logout")
    owners.execute("UPDATE login_session SET expires_at = now()")
    for command in ("purge", "outbox", "send-mail"):
        done = app.test_cli_runner().invoke(args=[command])
        assert done.exit_code == 0, (command, done.output)

    assert len(owners.all("SELECT FROM audit_log")) > 15
    assert owners.one("SELECT password FROM admin_user WHERE email = 'staff@example.com'")["password"] != weak


@pytest.mark.parametrize(
    "statement",
    [
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
    ],
)
def test_the_role_cannot_touch_the_audit_trail_nor_make_admins_nor_change_tables(
    restricted: Restricted, statement: str
) -> None:
    new_client(restricted.app).post("/api/customers", json=ANN)
    before = restricted.db.all("SELECT * FROM audit_log")
    restricted.db.execute("SET customers.purge_audit = on")  # the trigger would let the deletion pass

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        restricted.db.execute(statement)

    assert restricted.owners.all("SELECT * FROM audit_log") == before
    assert len(before) == 2


def test_a_purge_of_the_trail_under_the_role_is_refused_in_one_line(restricted: Restricted) -> None:
    result = restricted.app.test_cli_runner().invoke(args=["purge-audit", "--older-than", "1"])

    assert result.exit_code == 1
    assert result.output == "Error: the database says: permission denied for table audit_log\n"


def test_the_file_can_be_applied_again_and_takes_back_what_was_given_by_hand(restricted: Restricted) -> None:
    restricted.owners.execute(f"GRANT ALL ON audit_log, admin_user TO {restricted.role}")

    give_rights(restricted.owners_conninfo, restricted.role)

    rights = restricted.owners.all(
        "SELECT table_name, privilege_type FROM information_schema.table_privileges "
        "WHERE grantee = %s AND table_name IN ('audit_log', 'admin_user') ORDER BY 1, 2",
        restricted.role,
    )
    assert [tuple(row.values()) for row in rights] == [
        ("admin_user", "SELECT"),
        ("audit_log", "INSERT"),
        ("audit_log", "SELECT"),
    ]


def test_the_role_has_timeouts_and_keeps_those_that_an_operator_has_set(restricted: Restricted) -> None:
    current = """SELECT current_setting('statement_timeout') || ', '
                     || current_setting('idle_in_transaction_session_timeout') AS now"""
    first = restricted.db.one(current)["now"]
    restricted.owners.execute(f"ALTER ROLE {restricted.role} SET statement_timeout TO '9s'")
    give_rights(restricted.owners_conninfo, restricted.role)

    with Db(restricted.db.conninfo) as later:
        assert (first, later.one(current)["now"]) == ("5s, 10s", "9s, 10s")


def test_every_table_of_the_service_has_its_rights_in_the_file(restricted: Restricted) -> None:
    """A table that the next feature adds is not forgotten: without a right to read it, the service would fail."""
    owned = restricted.owners.all("""
        SELECT relname
          FROM pg_class
         WHERE relnamespace = 'public'::regnamespace
           AND relkind = 'r'
           AND relname NOT IN ('session', 'event', 'migration', 'setting', 'order', 'cart')  -- EverShop's own
    """)

    rights = {
        row["relname"]: restricted.db.one("SELECT has_table_privilege(%s, 'SELECT') AS may", row["relname"])["may"]
        for row in owned
    }
    assert len(rights) >= 12
    assert [name for name, may in rights.items() if not may] == []


def test_a_role_that_owns_the_tables_or_is_a_superuser_is_refused(restricted: Restricted) -> None:
    owner = restricted.owners.one("SELECT current_user AS name")["name"]

    with pytest.raises(psycopg.errors.RaiseException, match="must be another role"):
        give_rights(restricted.owners_conninfo, owner)


def test_without_the_schema_it_says_what_to_do(make_database: Callable[[], str]) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="flask init-db"):
        give_rights(make_database(), f"test_{secrets.token_hex(8)}")
