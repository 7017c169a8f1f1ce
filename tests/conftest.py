"""What tests stand on: a PostgreSQL for the run, a database and an application a process, empty tables before each."""

import functools
import itertools
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app import create_app
from customers.config import Settings
from customers.context import Context
from customers.db import migrate
from customers.features.sessions import service as admins
from customers.http import context
from dev import postgres
from tests.support.client import CheckingClient
from tests.support.database import Db

MakeApp = Callable[..., Flask]
MakeCustomer = Callable[..., "Account"]
REPOSITORY = Path(__file__).parent.parent
EVERSHOP = (REPOSITORY / "tests" / "evershop" / "tables.sql").read_text()
PASSWORD = "correct horse battery"
ADDRESS = {
    "full_name": "Ann Customer",
    "address_1": "1 Main Street",
    "province": "IL",
    "country": "us",
    "postcode": "62701",
}

# All tests come from one network, and many fail on purpose: those of the limits switch on what they are about.
LIMITS = [field.name for field in fields(Settings) if field.name.startswith("limit_")]
NO_LIMITS: dict[str, Any] = {name: 0 for name in LIMITS if name != "limit_longest_pause"}

# Where the service reaches its databases, if that is a pooler; the tests go past it.
POOLER = os.environ.get("CUSTOMERS_TEST_POOLER_URL")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> str:
    """Return the connection string of a PostgreSQL whose databases the tests may make and drop."""
    given = os.environ.get("CUSTOMERS_TEST_DATABASE_URL")
    if given:
        return given
    folder = tmp_path_factory.getbasetemp()
    conninfo = postgres.start((folder if worker_id == "master" else folder.parent) / "server")
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # nothing here outlives the machine
            conn.execute(f"ALTER SYSTEM SET {setting} = off")
        conn.execute("SELECT pg_reload_conf()")
    return conninfo


@pytest.fixture(scope="session")
def make_database(server: str) -> Iterator[Callable[[], str]]:
    """Return a function that makes an empty database and returns its connection string."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute(f"CREATE DATABASE {name}")
        made.append(name)
        return make_conninfo(server, dbname=name)

    yield make
    with psycopg.connect(server, autocommit=True) as conn:
        for name in made:
            conn.execute(f"DROP DATABASE {name} WITH (FORCE)")


def reaching(settings: Settings, conninfo: str) -> Settings:
    """Return settings by which the database of a connection string is reached: through the pooler, if there is one."""
    if not POOLER:
        return replace(settings, database_url=conninfo)
    pooled = make_conninfo(POOLER, dbname=conninfo_to_dict(conninfo)["dbname"])
    return replace(settings, database_url=pooled, prepared_statements=False)


@pytest.fixture(scope="session")
def database(make_database: Callable[[], str]) -> str:
    """Return the connection string of the database of this process's application, past any pooler."""
    return make_database()


@pytest.fixture(scope="session")
def settings(database: str) -> Settings:
    """Return settings for tests: the cheapest hashes, plain-HTTP cookies, no limits."""
    cheap = Settings(secret_key="k" * 32, bcrypt_rounds=4, cookie_secure=False, workers=1, threads=64, **NO_LIMITS)
    return reaching(cheap, database)


def application(settings: Settings) -> Flask:
    """Return an application whose test client checks every answer."""
    app = create_app(settings)
    app.test_client_class = CheckingClient
    app.extensions["openapi"] = app.test_client().get("/openapi.json").get_json()
    return app


@pytest.fixture(scope="session")
def shared_app(settings: Settings) -> Iterator[Flask]:
    app = application(settings)
    migrate.apply(context.of(app).db)
    yield app
    context.of(app).db.close()


@pytest.fixture
def app(shared_app: Flask, db: Db) -> Flask:
    db.empty()
    return shared_app


@contextmanager
def applications(settings: Settings) -> Iterator[MakeApp]:
    """Yield a function that makes an application on the same database with other settings."""
    with ExitStack() as made:

        def make(**changes: Any) -> Flask:
            other = application(replace(settings, **changes))
            made.callback(context.of(other).db.close)
            return other

        yield make


@pytest.fixture
def make_app(app: Flask, settings: Settings) -> Iterator[MakeApp]:
    with applications(settings) as make:
        yield make


@pytest.fixture(scope="module")
def app_with(shared_app: Flask, settings: Settings) -> Iterator[MakeApp]:
    """Return a function that makes one of each settings for a whole module: that takes longer than most tests."""
    with applications(settings) as make:
        yield functools.cache(make)


@pytest.fixture
def ctx(app: Flask) -> Context:
    return context.of(app)


@pytest.fixture
def db(database: str, shared_app: Flask) -> Iterator[Db]:
    with Db(database) as direct:
        yield direct


@pytest.fixture
def client(app: Flask) -> CheckingClient:
    return new_client(app)


def new_client(app: Flask, **kwargs: Any) -> CheckingClient:
    client = app.test_client(**kwargs)
    assert isinstance(client, CheckingClient)
    return client


class Account:
    """A customer or an admin who is signed in by header."""

    def __init__(self, app: Flask, uuid: str, email: str, sid: str, login: str = "/customer/login") -> None:
        self.uuid = uuid
        self.email = email
        self.sid = sid
        self.login = login
        self.path = f"/api/customers/{uuid}"
        self.headers = {"X-Session-ID": sid}
        self.client = new_client(app, use_cookies=False)
        self.client.environ_base["HTTP_X_SESSION_ID"] = sid


@pytest.fixture
def make_customer(app: Flask) -> MakeCustomer:
    numbers = itertools.count(1)

    def make(email: str | None = None, password: str = PASSWORD) -> Account:
        email = email or f"customer{next(numbers)}@example.com"
        visitor = new_client(app, use_cookies=False)
        body = {"email": email, "password": password, "full_name": "Ann Customer"}
        created = visitor.post("/api/customers", json=body)
        assert created.status_code == 201, created.text
        return Account(app, created.get_json()["data"]["uuid"], email, log_in(visitor, email, password))

    return make


@pytest.fixture
def customer(make_customer: MakeCustomer) -> Account:
    return make_customer()


@pytest.fixture
def admin(app: Flask, ctx: Context) -> Account:
    row = admins.create_admin(ctx, email="admin@example.com", password=PASSWORD, full_name="Adam Admin")
    login = "/admin/user/login"
    sid = log_in(new_client(app, use_cookies=False), row.email, path=login)
    return Account(app, str(row.uuid), row.email, sid, login)


@pytest.fixture
def accounts(customer: Account, admin: Account) -> dict[str, Account]:
    return {"customer": customer, "admin": admin}


def log_in(client: CheckingClient, email: str, password: str = PASSWORD, path: str = "/customer/login") -> str:
    response = client.post(path, json={"email": email, "password": password})
    assert response.status_code == 200, response.text
    sid: str = response.get_json()["data"]["sid"]
    return sid


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return a function that starts the service on a database; what still runs after the test is stopped."""
    from tests.support.shops import serving

    with ExitStack() as started:

        def serve(conninfo: str, **settings: str) -> Any:
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            return started.enter_context(serving(folder, conninfo, **{"CUSTOMERS_WORKERS": "2", **settings}))

        yield serve


@pytest.fixture(scope="module")
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, database: str, shared_app: Flask
) -> Iterator[Any]:
    """Return the service on the database of this process, with the settings that a module has as SETTINGS."""
    from tests.support.shops import serving

    settings = getattr(request.module, "SETTINGS", {})
    with serving(tmp_path_factory.mktemp("service"), database, **settings) as running:
        yield running


Made = tuple[Context, Db]


@pytest.fixture
def make(make_database: Callable[[], str], settings: Settings) -> Iterator[Callable[[str], Made]]:
    """Return a function that makes a database from SQL, and returns what works on it."""
    with ExitStack() as opened:

        def make(sql: str = "") -> Made:
            conninfo = make_database()
            ctx, db = Context.of(reaching(settings, conninfo)), opened.enter_context(Db(conninfo))
            opened.callback(ctx.db.close)
            if sql:
                with psycopg.connect(conninfo) as conn:
                    conn.execute(sql.encode())
            return ctx, db

        yield make
