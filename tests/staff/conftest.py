"""What tests of pages stand on."""

import pytest
from flask import Flask

from tests.conftest import Account
from tests.support.builders import address_of
from tests.support.html import Visitor


@pytest.fixture
def visitor(app: Flask, admin: Account) -> Visitor:
    visitor = Visitor(app)
    assert visitor.sign_in(admin.email).status_code == 303
    return visitor


@pytest.fixture
def edit(customer: Account) -> str:
    return f"/admin/customers/edit/{customer.uuid}"


@pytest.fixture
def address(customer: Account, edit: str) -> str:
    return f"{edit}/addresses/{address_of(customer).rpartition('/')[2]}"
