"""What the tests of several features start from: another customer, another browser, an address, a group."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.conftest import Account
from tests.support.acts import shop
from tests.support.builders import address_of, browser_of, group_of
from tests.support.client import CheckingClient

__all__ = ["shop"]


@pytest.fixture
def other(make_customer: Callable[..., Account]) -> Account:
    return make_customer("other@example.com")


@pytest.fixture
def elsewhere(app: Flask, customer: Account) -> CheckingClient:
    return browser_of(app, customer)


@pytest.fixture
def address(customer: Account) -> str:
    return address_of(customer)


@pytest.fixture
def group(admin: Account) -> dict[str, Any]:
    return group_of(admin)
