"""The service on a PostgreSQL of the test's own."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PASSWORD, REPOSITORY
from tests.deploy.database.pgbouncer import PgBouncer
from tests.deploy.database.postgres import Postgres
from tests.support.service import BIN, Service, environment

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def primary() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture
def standby(primary: Postgres, flask: Command) -> Iterator[Postgres]:
    """Return a standby of the primary, which has the schema."""
    assert flask("init-db").returncode == 0
    server = Postgres(primary)
    yield server
    server.remove()


@pytest.fixture
def pgbouncer(primary: Postgres) -> Iterator[PgBouncer]:
    pooler = PgBouncer(primary)
    yield pooler
    pooler.remove()


@pytest.fixture
def on_primary(primary: Postgres) -> dict[str, str]:
    """Return the settings of a service on the primary."""
    return {
        "CUSTOMERS_DATABASE_URL": primary.url(),
        "CUSTOMERS_SECRET_KEY": "k" * 32,
        "CUSTOMERS_COOKIE_SECURE": "false",
        "CUSTOMERS_BCRYPT_ROUNDS": "4",
    }


@pytest.fixture
def flask(on_primary: dict[str, str]) -> Command:
    """Return a function that runs one of the operator's commands."""

    def run(*arguments: str, said: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "flask", *arguments],
            cwd=REPOSITORY,
            env=environment(**{**on_primary, **settings}),
            input=said,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def start(serve: Callable[..., Service], on_primary: dict[str, str], tmp_path: Path) -> Callable[..., Service]:
    """Return a function that starts the service on the primary, or as further settings say."""

    def start(**settings: str) -> Service:
        return serve(tmp_path / "data", **{**on_primary, **settings})

    return start


@pytest.fixture
def sign_in_admin(flask: Command) -> Callable[..., dict[str, str]]:
    """Return a function that makes an admin, signs in at a service, and returns the header."""

    def sign_in(service: Service, email: str = "ada@shop.example") -> dict[str, str]:
        made = flask("create-admin", email, "--full-name", "Ada Admin", "--password-stdin", said=PASSWORD)
        assert made.returncode == 0, made.stderr
        answer: Any = service.call("POST", "/admin/user/login", {"email": email, "password": PASSWORD})[1]
        return {"X-Session-ID": answer["data"]["sid"]}

    return sign_in
