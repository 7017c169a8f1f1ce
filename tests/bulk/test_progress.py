"""What an import tells while it runs."""

import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from customers.db import migrate
from customers.bulk import telling
from tests import pooler
from tests.support.bulk import ANN, OLD_HASH, Shop, shop, summary
from tests.conftest import REPOSITORY, Made
from tests.support.service import BIN, database_url, environment

__all__ = ["shop"]


def test_without_a_terminal_there_are_plain_lines(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "_EVERY", 0)

    result = shop.load_json(ANN, {**ANN, "email": "x"})

    assert result.stderr.splitlines()[-2] == "2 rows read (100 %), 1 added, 1 rejected"
    assert "\r" not in result.stderr
    assert result.stdout == summary(2, added=1, rejected=1)


def test_on_a_terminal_there_is_a_bar(make: Callable[[str], Made], tmp_path: Path) -> None:
    ctx, _ = make("")
    migrate.apply(ctx.db)
    file = tmp_path / "customers.csv"
    file.write_text(f"email,full_name,password_hash\nann@example.com,Ann,{OLD_HASH}\n")
    ours, theirs = pty.openpty()

    done = subprocess.run(
        [BIN / "flask", "import-customers", file],
        cwd=REPOSITORY,
        env=environment(
            CUSTOMERS_DATABASE_URL=database_url(pooler.direct(ctx.settings)), CUSTOMERS_SECRET_KEY="k" * 32
        ),
        stdout=subprocess.PIPE,
        stderr=theirs,
        timeout=60,
        check=True,
    )

    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "100%" in shown
    assert done.stdout.decode() == summary(1, added=1)
