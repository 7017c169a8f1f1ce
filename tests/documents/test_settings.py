"""docs/settings.md is the table in customers/config.py."""

import re
from dataclasses import fields
from typing import Any

from customers.config import Settings
from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "docs" / "settings.md").read_text()
ROWS = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+) \|$", TEXT, re.MULTILINE)

# What no value can say: the default is missing, of this machine, or follows from another setting.
IN_WORDS = {
    "CUSTOMERS_DATABASE_URL": "needed",
    "CUSTOMERS_SECRET_KEY": "needed",
    "CUSTOMERS_WORKERS": "the processors",
    "CUSTOMERS_COOKIE_NAME": "`__Host-customers`, or `customers`",
}


def written(name: str, default: Any) -> str:
    """Return a default as the table has it."""
    if name in IN_WORDS:
        return IN_WORDS[name]
    if default is None or (not default and not isinstance(default, int)):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_every_setting_is_in_the_table_once_with_its_default() -> None:
    settings = {row.metadata["name"]: written(row.metadata["name"], row.default) for row in fields(Settings)}

    assert {name: default for name, default, _ in ROWS} == settings
    assert len(ROWS) == len(settings)


def test_the_default_cookie_names_are_those_in_the_table() -> None:
    names = [Settings(secret_key="k" * 32, cookie_secure=secure).cookie for secure in (True, False)]

    assert IN_WORDS["CUSTOMERS_COOKIE_NAME"] == "`{}`, or `{}`".format(*names)
