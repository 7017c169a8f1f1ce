"""What tests of pages stand on."""

import pytest
from flask import Flask

from tests.conftest import Account
from tests.support.html import Visitor


@pytest.fixture
def visitor(app: Flask, admin: Account) -> Visitor:
    """Return the browser of an admin who is signed in."""
    visitor = Visitor(app)
    assert visitor.sign_in(admin.email).status_code == 303
    return visitor
