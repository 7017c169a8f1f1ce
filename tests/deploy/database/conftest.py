"""The service on a PostgreSQL of the test's own."""

from collections.abc import Callable, Iterator

import pytest

from tests.deploy.database.postgres import Postgres
from tests.support.service import Service
from tests.support.shops import with_schema


@pytest.fixture
def primary() -> Iterator[Postgres]:
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    """Return a standby of the primary, which has the schema."""
    with_schema(primary.conninfo())
    server = Postgres(primary)
    yield server
    server.remove()


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
def start(serve: Callable[..., Service], on_primary: dict[str, str]) -> Callable[..., Service]:
    """Return a function that starts the service on the primary, or as further settings say."""
    return lambda **settings: serve("", **{**on_primary, **settings})
