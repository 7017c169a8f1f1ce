"""What tests of the import and the export stand on."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from tests.support.database import Db

# Of "evershop-password", by bcryptjs at cost 10; of the same by this service's library at cost 4.
OLD_HASH = "$2a$10$fACShfgxfVqugPkgZHOhAuJho188lJ/BxEGm9FFr8zy6bZFZ7P.KK"
OLD_PASSWORD = "evershop-password"
ANN = {"email": "ann@example.com", "full_name": "Ann", "password_hash": OLD_HASH}
HOME = {"full_name": "Ann", "address_1": "1 Main Street", "province": "IL", "country": "US", "postcode": "62701"}


class Shop:
    def __init__(self, app: Flask, db: Db, folder: Path) -> None:
        self.app = app
        self.db = db
        self.folder = folder

    def run(self, *args: str, stdin: str | None = None) -> Result:
        return self.app.test_cli_runner().invoke(args=args, input=stdin)

    def load(self, content: str | bytes, *options: str) -> Result:
        file = self.folder / "customers"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return self.run("import-customers", str(file), *options)

    def load_json(self, *rows: dict[str, Any], options: tuple[str, ...] = ()) -> Result:
        return self.load("".join(json.dumps(row) + "\n" for row in rows), *options)

    def load_csv(self, header: str, *lines: str, options: tuple[str, ...] = ()) -> Result:
        return self.load("\n".join((header, *lines, "")), *options)

    @property
    def rejects(self) -> Path:
        return self.folder / "customers.rejected.csv"

    def rejected(self) -> list[tuple[int, str]]:
        with self.rejects.open(newline="") as file:
            header, *rows = csv.reader(file)
        assert header == ["line", "reason"]
        return [(int(line), reason) for line, reason in rows]

    def customers(self) -> list[dict[str, Any]]:
        groups = "LEFT JOIN customer_group ON customer_group_id = group_id"
        return self.db.all(f"SELECT customer.*, group_name FROM customer {groups} ORDER BY customer_id")

    def addresses(self) -> list[dict[str, Any]]:
        return self.db.all("SELECT * FROM customer_address ORDER BY customer_address_id")

    def export(self, kind: str, *options: str) -> str:
        result = self.run("export-customers", "--format", kind, *options)
        assert result.exit_code == 0, result.output
        return result.stdout_bytes.decode()


def summary(read: int, added: int = 0, updated: int = 0, skipped: int = 0, rejected: int = 0) -> str:
    return f"{read} rows read: {added} added, {updated} updated, {skipped} skipped, {rejected} rejected.\n"


@pytest.fixture
def shop(app: Flask, db: Db, tmp_path: Path) -> Iterator[Shop]:
    db.execute("DELETE FROM customer_group WHERE customer_group_id > 1")
    yield Shop(app, db, tmp_path)
    db.execute("DELETE FROM customer")
    db.execute("DELETE FROM customer_group WHERE customer_group_id > 1")
