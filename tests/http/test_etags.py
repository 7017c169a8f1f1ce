"""ETag, If-Match and If-None-Match."""

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.conftest import ADDRESS, Account
from tests.support.answers import data_of, refused
from tests.support.builders import CUSTOMERS, MISSING, NEW, address_of
from tests.support.client import CheckingClient
from tests.support.database import Db
from tests.support.threads import at_once

Thing = tuple[CheckingClient, str, dict[str, str]]

# How a tag comes back: alone, among others, made weak by a proxy, with the suffix of one that compresses.
FORMS = ["{}", '"x", {}', "W/{}", "GZIP", '"0", W/GZIP, "1"']


@pytest.fixture(params=["customer", "address"])
def thing(request: pytest.FixtureRequest, customer: Account) -> Thing:
    """Return a client, the path of something that is its, and a change of it."""
    if request.param == "customer":
        return customer.client, customer.path, {"full_name": "Changed"}
    return customer.client, address_of(customer), {"city": "Changed"}


def send(thing: Thing, method: str, if_match: str) -> TestResponse:
    """Change or delete something if it still has a tag."""
    client, path, change = thing
    body = change if method == "PATCH" else None
    return client.open(path, method=method, json=body, headers={"If-Match": if_match})


def tag(client: CheckingClient, path: str, form: str = "{}") -> str:
    """Return the tag of something in one of FORMS."""
    current = client.get(path).headers["ETag"]
    return form.replace("GZIP", f'{current[:-1]}-gzip"').replace("{}", current)


def test_get_patch_and_create_answer_the_same_tag(client: CheckingClient, customer: Account, thing: Thing) -> None:
    created = customer.client.post(f"{customer.path}/addresses", json=ADDRESS)

    assert client.post(CUSTOMERS, json=NEW).headers["ETag"]
    assert created.headers["ETag"] == tag(customer.client, created.headers["Location"])
    own, path, change = thing
    assert own.patch(path, json=change).headers["ETag"] == tag(own, path) == tag(own, path)


def test_if_match_lets_a_change_through_and_if_none_match_is_a_304_while_nothing_has_changed(thing: Thing) -> None:
    client, path, _ = thing

    for form in ("*", *FORMS):
        data_of(send(thing, "PATCH", tag(client, path, form)))
        for method in ("GET", "HEAD"):
            response = client.open(path, method=method, headers={"If-None-Match": tag(client, path, form)})
            assert (response.status_code, response.data) == (304, b"")
            assert response.headers["ETag"] == tag(client, path)
    data_of(send(thing, "DELETE", tag(client, path, form)))


def test_if_match_is_a_412_when_the_thing_has_changed_since_and_if_none_match_gets_the_answer(
    thing: Thing, admin: Account
) -> None:
    client, path, change = thing
    before = [tag(client, path, form) for form in FORMS]
    data_of(client.patch(path, json=dict.fromkeys(change, "Somebody else's")))

    for value in (*before, '"0"', '"a", "b"', "nonsense", "", 'W/"0"', '"0-gzip"', '"*"'):
        for method in ("PATCH", "DELETE"):
            refused(send(thing, method, value), 412, "precondition_failed")
            missing = send((admin.client, path[:-36] + MISSING, change), method, value)
            assert missing.status_code == 404  # rather than a 412
        assert "Somebody else's" in client.get(path, headers={"If-None-Match": value}).text


def test_never_a_304_when_anything_in_the_answer_has_changed_an_address_included(customer: Account, db: Db) -> None:
    client, address = customer.client, address_of(customer)
    before = client.get(customer.path)

    changes: list[Callable[[], object]] = [
        lambda: client.patch(customer.path, json={"full_name": "X"}),
        lambda: client.patch(customer.path, json={"email": "new@example.com"}),
        lambda: client.patch(address, json={"city": "X"}),
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


def test_a_change_by_another_program_is_not_overwritten(customer: Account, db: Db) -> None:
    for table, path in (("customer_address", address_of(customer)), ("customer", customer.path)):
        headers = {"If-Match": tag(customer.client, path)}
        db.execute(f"UPDATE {table} SET full_name = 'Theirs'")

        for change in ({"full_name": "Ours"}, {"full_name": "Ours", "email": "new@example.com", "city": "X"}):
            refused(customer.client.patch(path, json=change, headers=headers), 412, "precondition_failed")
        assert data_of(customer.client.get(path))["full_name"] == "Theirs"


@pytest.mark.parametrize("first", ["PATCH", "DELETE"])
def test_of_two_writes_with_one_tag_one_wins(thing: Thing, first: str) -> None:
    current = tag(*thing[:2])

    statuses = at_once(2, lambda number: send(thing, "PATCH" if number else first, current).status_code)

    assert min(statuses) == 200
    assert max(statuses) in ((412,) if first == "PATCH" else (401, 404, 412))
