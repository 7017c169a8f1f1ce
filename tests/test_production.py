"""The service with a database of the operator's: what it does not do by itself, and what it warns of."""

import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.conftest import PASSWORD, REPOSITORY
from tests.support.service import ANN, BIN, Service, environment


@pytest.fixture
def url(make_database: Callable[[], str]) -> str:
    """Return an empty database as a URL, the way operators write it."""
    parts = conninfo_to_dict(make_database())
    return f"postgresql://{parts['user']}@/{parts['dbname']}?host={parts['host']}&port={parts['port']}"


def test_a_database_of_ones_own_is_used_as_it_is_and_nothing_is_made_beside(
    url: str, tmp_path: Path, serve: Callable[..., Service]
) -> None:
    settings = {"CUSTOMERS_DATABASE_URL": url, "CUSTOMERS_SECRET_KEY": "k" * 40}
    service = serve(tmp_path / "data", **settings)
    before = service.call("GET", "/readyz")
    made = subprocess.run(
        [BIN / "flask", "init-db"],
        cwd=REPOSITORY,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    after = service.call("GET", "/readyz")
    created = service.call("POST", "/api/customers", {**ANN})
    reset = service.call("POST", "/api/customers/reset-password", {"email": ANN["email"]})
    request = urllib.request.Request(  # noqa: S310  # an address of this machine
        service.base + "/customer/login",
        method="POST",
        data=f'{{"email": "{ANN["email"]}", "password": "{PASSWORD}"}}'.encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  # likewise
        cookie = response.headers["Set-Cookie"]

    assert (before[0], before[1]["error"]["code"]) == (503, "schema_missing")
    assert (made.returncode, made.stderr) == (0, "")
    assert (after[0], created[0]) == (200, 201)
    assert cookie.startswith("__Host-customers=")
    assert "; Secure" in cookie
    assert (reset[0], reset[1]["error"]["code"]) == (503, "mail_unavailable")
    assert [line for line in service.lines() if line["level"] == "warning" and "CUSTOMERS_SMTP_URL" in line["message"]]
    assert not (tmp_path / "data").exists()
