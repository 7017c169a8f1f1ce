"""What was typed into a form."""

import re
from collections.abc import Mapping
from typing import Any

from flask import request

from customers.rules import is_storable

_LINE_BREAKS = re.compile("[\r\n]")


def typed(*names: str) -> dict[str, str]:
    """Return what the form holds in these fields; nothing where it has none."""
    return {name: request.form.get(name, "") for name in names}


def version() -> str:
    """Return the version of what the form was loaded with, "" for what cannot be one."""
    sent = request.form.get("version", "")
    return sent if is_storable(sent) else ""


def differing(values: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed where it is not what is stored, so that a form changes nothing else."""
    return {name: value for name, value in values.items() if str(value).strip() != as_shown(stored[name])}


def as_shown(stored: Any) -> str:
    """Return what a field that was loaded with a stored value sends back: browsers take line breaks out of it."""
    return "" if stored is None else _LINE_BREAKS.sub("", str(stored)).strip()
