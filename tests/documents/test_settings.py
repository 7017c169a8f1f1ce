"""docs/settings.md is the table in customers/config.py."""

import re
from dataclasses import fields
from typing import Any

from customers.config import Settings
from tests.conftest import REPOSITORY

ROWS = re.findall(
    r"^\| `([A-Z_]+)` \| (.+?) \| .+ \|$", (REPOSITORY / "docs" / "settings.md").read_text(), re.MULTILINE
)
COOKIES = [Settings(secret_key="k" * 32, cookie_secure=secure).cookie for secure in (True, False)]
# What no value can say: the default is missing, of this machine, or follows from another setting.
IN_WORDS = {
    "CUSTOMERS_DATABASE_URL": "needed",
    "CUSTOMERS_SECRET_KEY": "needed",
    "CUSTOMERS_WORKERS": "the processors",
    "CUSTOMERS_COOKIE_NAME": "`{}`, or `{}`".format(*COOKIES),
}


def written(default: Any) -> str:
    """Return a default as the table has it."""
    if default is None or (not default and not isinstance(default, int)):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_setting_is_in_the_table_once_with_its_default() -> None:
    settings = {row.metadata["name"]: written(row.default) for row in fields(Settings)}

    assert sorted(ROWS) == sorted((settings | IN_WORDS).items())
