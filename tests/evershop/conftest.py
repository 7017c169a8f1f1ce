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
from tests.evershop.shop import SECRET, Browser, Shop, command
from tests.support.database import Db

HERE = Path(__file__).parent
Browse = Callable[..., Browser]
Make = Callable[..., Account]
MakeApp = Callable[..., Flask]


@pytest.fixture(scope="session")
def database(make_database: Callable[[], str]) -> str:
    """Return the connection string of a database that has EverShop's tables."""
    conninfo = make_database()
    with psycopg.connect(conninfo) as conn:
        conn.execute(EVERSHOP.encode())
    return conninfo


@pytest.fixture(scope="session")
def settings(database: str) -> Settings:
    cheap = Settings(secret_key="k" * 32, bcrypt_rounds=4, cookie_secure=False, workers=1, threads=64, **NO_LIMITS)
    return reaching(replace(cheap, evershop_cookie_secrets=(SECRET,)), database)


@pytest.fixture(scope="session")
def shared_app(settings: Settings) -> Iterator[Flask]:
    app = application(settings)
    command(app, "init-db", "--evershop", "--repair-defaults")
    yield app
    context.of(app).db.close()


@pytest.fixture
def app(shared_app: Flask, db: Db) -> Flask:
    """Return the application, over empty tables of both."""
    db.empty()
    for table in ("session", "cart", '"order"', "event"):
        db.execute(f"DELETE FROM {table}")
    return shared_app


@pytest.fixture(scope="session")
def start_shop(database: str) -> Iterator[Callable[[str], Shop]]:
    """Return a function that starts EverShop's side in a time zone; each is started once, and ended with the tests."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / ".package-lock.json").exists():  # npm writes it when it is done
        pytest.skip("EverShop's packages are not installed; `make test-evershop` runs these tests")
    started: dict[str, tuple[subprocess.Popen[str], Shop]] = {}
    with psycopg.connect(database) as conn:
        where = conn.info.get_parameters() | {"host": conn.info.host, "port": str(conn.info.port)}
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    env = {variable: str(where[name]) for name, variable in names.items()} | {"COOKIE_SECRET": SECRET}

    def start(timezone: str = "UTC") -> Shop:
        if timezone not in started:
            process = subprocess.Popen(
                [node, HERE / "shop.js"], env={**env, "TIMEZONE": timezone}, stdout=subprocess.PIPE, text=True
            )
            assert process.stdout is not None
            started[timezone] = process, Shop(int(process.stdout.readline()))
        return started[timezone][1]

    yield start
    for process, _ in started.values():
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def shop(start_shop: Callable[..., Shop]) -> Shop:
    return start_shop()


@pytest.fixture
def browse(app: Flask, shop: Shop) -> Callable[..., Browser]:
    """Return a function that opens a browser, in which accounts have signed in here."""

    def browse(*accounts: Account, app: Flask = app) -> Browser:
        browser = Browser(app, shop)
        for account in accounts:
            browser.log_in(account)
        return browser

    return browse
