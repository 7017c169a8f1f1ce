"""What was typed into a form, and whether the API's schemas would take it."""

from collections.abc import Mapping
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError

from customers import errors
from customers.http.json_body import flat


def typed(*names: str) -> dict[str, str]:
    """Return what the form holds in these fields; nothing where it has none."""
    return {name: request.form.get(name, "") for name in names}


def checked(schema: Schema, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as a schema of the API loads them. Raises InvalidInput, with the faults by field."""
    try:
        loaded: dict[str, Any] = schema.load(values)
    except ValidationError as error:
        raise errors.InvalidInput(errors=flat(error.messages_dict)) from None
    return loaded


def differing(values: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed where it is not what is stored, so that a form changes nothing else."""
    shown = {name: "" if stored[name] is None else str(stored[name]) for name in values}
    return {name: value for name, value in values.items() if str(value).strip() != shown[name]}
