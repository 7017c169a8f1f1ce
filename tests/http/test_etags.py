"""ETag, If-Match and If-None-Match."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.conftest import Account, MakeCustomer
from tests.support.answers import data_of, refused
from tests.support.builders import ME, MISSING, address_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once

Thing = tuple[CheckingClient, str, str]  # a client, the path of something that is its, and the table

# How a tag comes back: alone, among others, made weak by a proxy, with the suffix of one that compresses.
FORMS = ["{}", '"x", {}', "W/{}", "GZIP", '"0", W/GZIP, "1"']


@pytest.fixture(params=["customer", "customer_address"])
def thing(request: pytest.FixtureRequest, customer: Account) -> Thing:
    path = customer.path if request.param == "customer" else address_of(customer)
    return customer.client, path, request.param


def send(client: CheckingClient, path: str, method: str, if_match: str, **more: str) -> TestResponse:
    body = {"full_name": "Ours", **more} if method == "PATCH" else None
    return client.open(path, method=method, json=body, headers={"If-Match": if_match})


def tag(client: CheckingClient, path: str, form: str = "{}") -> str:
    """Return the tag of something in one of FORMS."""
    current = client.get(path).headers["ETag"]
    return form.replace("GZIP", f'{current[:-1]}-gzip"').replace("{}", current)


def test_if_match_lets_a_change_through_and_if_none_match_is_a_304_while_nothing_has_changed(thing: Thing) -> None:
    client, path, _ = thing

    for form in ("*", *FORMS):
        changed = send(client, path, "PATCH", tag(client, path, form))
        data_of(changed)
        for method in ("GET", "HEAD"):
            response = client.open(path, method=method, headers={"If-None-Match": tag(client, path, form)})
            assert (response.status_code, response.data) == (304, b"")
            assert response.headers["ETag"] == changed.headers["ETag"] == tag(client, path)
    data_of(send(client, path, "DELETE", tag(client, path, form)))


def test_if_match_is_a_412_when_the_thing_has_changed_since_and_if_none_match_gets_the_answer(
    thing: Thing, admin: Account, db: Db
) -> None:
    client, path, table = thing
    before = [tag(client, path, form) for form in FORMS]
    db.execute(f"UPDATE {table} SET full_name = 'Theirs'")

    for value in (*before, '"0"', '"a", "b"', "nonsense", "", 'W/"0"', '"0-gzip"', '"*"'):
        for method in ("PATCH", "DELETE"):
            refused(send(client, path, method, value), 412, "precondition_failed")
            assert send(admin.client, path[:-36] + MISSING, method, value).status_code == 404  # rather than a 412
        more = send(client, path, "PATCH", value, email="new@example.com", city="X")  # which takes another statement
        refused(more, 412, "precondition_failed")
        assert "Theirs" in client.get(path, headers={"If-None-Match": value}).text


def test_never_a_304_when_anything_in_the_answer_has_changed_an_address_included(customer: Account, db: Db) -> None:
    client, address = customer.client, address_of(customer)
    before = client.get(customer.path)

    changes: list[Callable[[], object]] = [
        lambda: client.patch(customer.path, json={"full_name": "X"}),
        lambda: client.patch(customer.path, json={"email": "new@example.com"}),
        lambda: client.patch(address, json={"is_default": True}),
        lambda: address_of(customer),
        lambda: db.execute("UPDATE customer_address SET city = 'Theirs'"),
    ]
    for change in changes:
        change()
        after = client.get(customer.path, headers={"If-None-Match": before.headers["ETag"]})
        assert data_of(after) != data_of(before)
        assert after.headers["ETag"] != before.headers["ETag"]
        before = after


def test_customers_written_by_one_transaction_have_tags_of_their_own(make_customer: MakeCustomer, db: Db) -> None:
    """`me` is one URL for all: who signs in after somebody else must not be told that nothing has changed."""
    one, two = make_customer(), make_customer()
    db.execute("UPDATE customer SET updated_at = now()")

    theirs = tag(one.client, ME)

    assert data_of(two.client.get(ME, headers={"If-None-Match": theirs}))["uuid"] == two.uuid
    refused(send(two.client, ME, "PATCH", theirs), 412, "precondition_failed")


@pytest.mark.parametrize("first", ["PATCH", "DELETE"])
def test_of_two_writes_with_one_tag_one_wins(thing: Thing, first: str) -> None:
    client, path, _ = thing
    current = tag(client, path)

    statuses = at_once(2, lambda number: send(client, path, "PATCH" if number else first, current).status_code)

    assert min(statuses) == 200
    assert max(statuses) in ((412,) if first == "PATCH" else (401, 404, 412))
