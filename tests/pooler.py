"""Running the tests of the API behind a pooler: its URL in CUSTOMERS_TEST_POOLER_URL, the server's as ever.

The tests make their databases on the server, and the application reaches them through the pooler.
"""

import os
from dataclasses import replace

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from customers.config import Settings

_POOLER = os.environ.get("CUSTOMERS_TEST_POOLER_URL")


def reaching(settings: Settings, conninfo: str) -> Settings:
    """Return settings by which the database of a connection string is reached: through the pooler, if there is one."""
    if not _POOLER:
        return replace(settings, database_url=conninfo)
    pooled = make_conninfo(_POOLER, dbname=conninfo_to_dict(conninfo)["dbname"])
    return replace(settings, database_url=pooled, direct_url=conninfo, pooler="transaction")


def direct(settings: Settings) -> str:
    """Return a connection string that leads to the database of settings and past any pooler."""
    found = settings.direct_url or settings.database_url
    assert found
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, behind a pooler, what has no part in it: tests without a database, or with a service of their own."""
    if not _POOLER:
        return
    kept = [item for item in items if isinstance(item, pytest.Function) and "settings" in item.fixturenames]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
