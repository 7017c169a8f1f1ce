"""The documentation page."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.conftest import new_client
from tests.support.answers import refused

PATHS = ("/docs", "/docs/own/docs.js", "/docs/assets/swagger-ui.css")


@pytest.mark.parametrize("path", PATHS)
def test_the_page_and_its_files_are_served_unless_switched_off(
    app: Flask, make_app: Callable[..., Flask], path: str
) -> None:
    with new_client(app).get(path) as shown:
        assert shown.status_code == 200
    refused(new_client(make_app(docs=False)).get(path), 404, "not_found")
