"""The fuzz: it calls every operation, and fails where there is a fault."""

import argparse
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from dev.fuzz import shop
from dev.fuzz.__main__ import fuzz
from tests.support.service import Service

ONCE = argparse.Namespace(examples=1, seed=1, seconds=0)


@pytest.mark.parametrize("faulty", [False, True])
def test_the_fuzz_calls_every_operation_and_fails_where_there_is_a_fault(
    make_database: Callable[[], str], serve: Callable[..., Service], tmp_path: Path, faulty: bool
) -> None:
    conninfo = make_database()
    shop.fill(conninfo)
    if faulty:
        with psycopg.connect(conninfo) as conn:
            conn.execute("ALTER TABLE customer_group ADD CHECK (group_name <> 'Wholesale' OR uuid IS NULL) NOT VALID")
    service = serve(conninfo, CUSTOMERS_MAIL_DIRECTORY=str(tmp_path / "mail"), **shop.SETTINGS)

    status, calls = fuzz(service, "admin", tmp_path, ONCE)

    operations = {label for label, _ in calls}
    paths = service.call("GET", "/openapi.json")[1]["paths"]
    assert {
        f"{method.upper()} {path}" for path, item in paths.items() for method in item if method != "parameters"
    } <= operations
    assert any(answer == 500 for _, answer in calls) is faulty
    assert (status != 0) is faulty
