"""A database that the service shares with EverShop, the service beside it, and EverShop's own packages in Node."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from customers.config import Settings
from customers.http import context
from tests.conftest import EVERSHOP, NO_LIMITS, Account, application, reaching
from tests.evershop.shop import SECRET, ZONE, Browser, Shop, command
from tests.support.database import Db

HERE = Path(__file__).parent
Browse = Callable[..., Browser]
Make = Callable[..., Account]
MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def database(make_database: Callable[[], str]) -> str:
    """Return the connection string of a database with EverShop's tables, whose time zone is the shop's."""
    conninfo = make_database()
    with psycopg.connect(conninfo) as conn:
        conn.execute(EVERSHOP.encode())
        conn.execute(f"ALTER DATABASE {conn.info.dbname} SET timezone = '{ZONE}'".encode())
    return conninfo


@pytest.fixture(scope="session")
def settings(database: str) -> Settings:
    cheap = Settings(secret_key="k" * 32, bcrypt_rounds=4, cookie_secure=False, workers=1, threads=64, **NO_LIMITS)
    return reaching(replace(cheap, evershop_cookie_secrets=(SECRET,), evershop_timezone=ZONE), database)


@pytest.fixture(scope="session")
def shared_app(settings: Settings) -> Iterator[Flask]:
    app = application(settings)
    command(app, "init-db", "--evershop", "--repair-defaults")
    yield app
    context.of(app).db.close()


@pytest.fixture
def app(shared_app: Flask, db: Db) -> Flask:
    """Return the application, over empty tables of both, into which the test writes times as EverShop does."""
    db.empty()
    for table in ("session", "cart", '"order"', "event"):
        db.execute(f"DELETE FROM {table}")
    db.execute(f"SET timezone = '{ZONE}'")
    return shared_app


@pytest.fixture(scope="session")
def shop(database: str) -> Iterator[Shop]:
    """Return EverShop's side, running."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / ".package-lock.json").exists():  # npm writes it when it is done
        pytest.skip("EverShop's packages are not installed; `make test-evershop` runs these tests")
    with psycopg.connect(database) as conn:
        where = {"PGHOST": conn.info.host, "PGPORT": str(conn.info.port), "PGUSER": conn.info.user}
        where["PGDATABASE"] = conn.info.dbname
    env = {**where, "COOKIE_SECRET": SECRET, "TIMEZONE": ZONE}
    process = subprocess.Popen([node, HERE / "shop.js"], env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield Shop(int(process.stdout.readline()))
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture
def browse(app: Flask, shop: Shop) -> Browse:
    """Return a function that opens a browser, in which accounts have signed in here."""

    def browse(*accounts: Account, app: Flask = app) -> Browser:
        browser = Browser(app, shop)
        for account in accounts:
            browser.log_in(account)
        return browser

    return browse
