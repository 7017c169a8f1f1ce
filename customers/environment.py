"""How a table of settings is read from environment variables, and what is said when that fails."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any

import click

from customers import readers


class ConfigurationError(click.ClickException):
    """The environment cannot be started from; the message lists every fault, a line each."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("the configuration cannot be used:\n" + "\n".join(f"  - {fault}" for fault in faults))
        self.faults = faults


def setting(name: str, read: Callable[[str], Any], default: Any, about: str, shown: str | None = None) -> Any:
    """Return a dataclass field: a row of the table. ``shown`` is the default as a person would say it."""
    secret = read in (readers.database_url, readers.secret_key, readers.secret_keys, readers.smtp_url)
    metadata = {"name": name, "read": read, "about": about, "shown": str(default) if shown is None else shown}
    return field(default=default, repr=not secret, metadata=metadata)


def read(table: type, environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a table's settings that are in the environment, and the faults found on the way."""
    values: dict[str, Any] = {}
    faults: list[str] = []
    for row in fields(table):
        name, text = row.metadata["name"], environ.get(row.metadata["name"], "").strip()
        if text:
            try:
                values[row.name] = row.metadata["read"](text)
            except ValueError as fault:
                faults.append(f"{name} {fault}")
    names = [row.metadata["name"] for row in fields(table)]
    for name in environ:
        # Other unknown names are let pass: an orchestrator may set variables named after the service.
        meant = difflib.get_close_matches(name, names, n=1, cutoff=0.9)
        if name.startswith("CUSTOMERS_") and name not in names and meant:
            faults.append(f"{name} is not a setting; {meant[0]} is")
    return values, faults
