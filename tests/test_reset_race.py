"""A reset link that is used while the account is being disabled."""

import hashlib

import pytest

from customers.context import Context
from tests.support.client import CheckingClient
from tests.conftest import Account
from tests.support.database import Db


def test_an_account_disabled_while_the_new_password_is_hashed_keeps_the_old_one(
    client: CheckingClient, customer: Account, ctx: Context, db: Db, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is looked at before the hash is made; what the account is by then, only the write itself can tell."""
    token = hashlib.sha256(b"secret").hexdigest()
    db.execute("INSERT INTO reset_password_token (customer_id, token) SELECT customer_id, %s FROM customer", token)
    before = db.one("SELECT password FROM customer")
    make = ctx.hasher.hash

    def hash_and_lose_the_race(password: str) -> str:
        db.execute("UPDATE customer SET status = 0")
        return make(password)

    monkeypatch.setattr(ctx.hasher, "hash", hash_and_lose_the_race)
    response = client.post("/api/customers/password", json={"token": "secret", "password": "staple correct horse"})

    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "invalid_token")
    assert db.one("SELECT password FROM customer") == before
