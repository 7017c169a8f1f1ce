"""The image, built once, and containers of it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.image import builder
from tests.image.confined import Contained, Container
from tests.support.service import database_url


@pytest.fixture(scope="session")
def image() -> dict[str, Any]:
    """Return what buildah says of the image, which was just built."""
    described: dict[str, Any] = json.loads(builder.buildah("inspect", "--type", "image", builder.build()))
    return described


@pytest.fixture(scope="session")
def root(image: dict[str, Any]) -> Iterator[Path]:
    """Return the folder that is the image's root."""
    with builder.unpacked(image["FromImageID"]) as folder:
        yield folder


@pytest.fixture(scope="session")
def container(image: dict[str, Any], root: Path, make_database: Callable[[], str]) -> Container:
    """Return a container with a database that has its schema, made by the image's own command."""
    conninfo = make_database()
    parts = conninfo_to_dict(conninfo)
    settings = {
        "CUSTOMERS_DATABASE_URL": database_url(make_conninfo(conninfo, host="/mnt")),
        "CUSTOMERS_SECRET_KEY": "k" * 40,
        "CUSTOMERS_BCRYPT_ROUNDS": "4",
        "CUSTOMERS_WORKERS": "2",
    }
    socket = Path(str(parts["host"]), f".s.PGSQL.{parts['port']}")
    container = Container(root, image["Docker"]["config"], socket, settings)
    done = container.run("flask", "init-db")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return container


@pytest.fixture(scope="module")
def service(container: Container, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    """Return the image's service, which SIGTERM must end."""
    service = Contained(container, tmp_path_factory.mktemp("image") / "log")
    yield service
    assert service.stop() == 0
