"""The fuzz: it calls every operation, and fails where there is a fault."""

import argparse
from collections.abc import Callable
from pathlib import Path

import psycopg

from dev.fuzz import shop
from dev.fuzz.__main__ import fuzz
from tests.support.service import Service

ONCE = argparse.Namespace(examples=1, seed=1, seconds=0)


def test_the_fuzz_calls_every_operation_and_fails_where_there_is_a_fault(
    make_database: Callable[[], str], serve: Callable[..., Service], tmp_path: Path
) -> None:
    conninfo = make_database()
    shop.fill(conninfo)
    with psycopg.connect(conninfo) as conn:
        conn.execute(
            "CREATE OR REPLACE FUNCTION customers_time(moment timestamptz) RETURNS text LANGUAGE sql STABLE"
            " RETURN (1 / 0)::text"
        )
    service = serve(conninfo, CUSTOMERS_MAIL_DIRECTORY=str(tmp_path / "mail"), **shop.SETTINGS)

    status, calls = fuzz(service, "admin", tmp_path, ONCE)

    paths = service.call("GET", "/openapi.json")[1]["paths"]
    operations = {
        f"{method.upper()} {path}" for path, item in paths.items() for method in item if method != "parameters"
    }
    assert operations <= {label for label, _ in calls}
    assert calls["GET /api/customers", 500]
    assert calls["GET /session", 204]
    assert status == 1
