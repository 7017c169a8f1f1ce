"""A running service, and its OpenAPI document as a file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.clients.generators import types
from tests.support.service import Service


@pytest.fixture(scope="session")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the OpenAPI document."""
    path = tmp_path_factory.mktemp("document") / "openapi.json"
    path.write_text(types.document())
    return path


@pytest.fixture(scope="session")
def service(database: str, shared_app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a running service, on the database of the process's application."""
    settings = {"CUSTOMERS_DATABASE_URL": database, "CUSTOMERS_BCRYPT_ROUNDS": "4", "CUSTOMERS_WORKERS": "1"}
    service = Service(tmp_path_factory.mktemp("service") / "log", **settings)
    yield service
    service.stop()
