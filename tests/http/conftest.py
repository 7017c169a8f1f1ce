"""Applications that serve a whole module: to make one takes longer than most tests."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from customers.config import Settings
from customers.http import context
from tests.conftest import application


@pytest.fixture(scope="module")
def app_with(shared_app: Flask, settings: Settings) -> Iterator[Callable[..., Flask]]:
    """Return a function that returns the application on the same database with other settings, made once."""
    made: dict[str, Flask] = {}

    def find(**changes: Any) -> Flask:
        key = repr(changes)
        if key not in made:
            made[key] = application(replace(settings, **changes))
        return made[key]

    yield find
    for app in made.values():
        context.of(app).db.close()
