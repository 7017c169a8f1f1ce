"""ETag, If-Match and If-None-Match (CONTRACT section 10)."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.client import CheckingClient
from tests.conftest import ADDRESS, PASSWORD, Account
from tests.support.database import Db
from tests.test_races import at_once

Thing = tuple[CheckingClient, str, dict[str, str]]


@pytest.fixture(params=["customer", "address"])
def thing(request: pytest.FixtureRequest, customer: Account) -> Thing:
    """Return a client, the path of something that is its, and a change of it."""
    if request.param == "customer":
        return customer.client, customer.path, {"full_name": "Changed"}
    created = customer.client.post(f"{customer.path}/addresses", json=ADDRESS)
    return customer.client, created.headers["Location"], {"city": "Changed"}


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


def test_get_patch_and_create_answer_one_etag_while_nothing_changes(client: CheckingClient, customer: Account) -> None:
    registered = client.post("/api/customers", json={"email": "b@c.de", "password": PASSWORD, "full_name": "B"})
    created = customer.client.post(f"{customer.path}/addresses", json=ADDRESS)
    patched = customer.client.patch(customer.path, json={"full_name": "X"})
    patched_address = customer.client.patch(created.headers["Location"], json={"city": "X"})

    assert registered.headers["ETag"]
    assert created.headers["ETag"]
    assert customer.client.get(created.headers["Location"]).headers["ETag"] == patched_address.headers["ETag"]
    assert patched.headers["ETag"] != customer.client.get(customer.path).headers["ETag"]  # an address changed since
    assert len({customer.client.get(customer.path).headers["ETag"] for _ in range(3)}) == 1


def test_a_patchs_etag_is_the_next_gets(thing: Thing) -> None:
    client, path, change = thing

    assert client.patch(path, json=change).headers["ETag"] == client.get(path).headers["ETag"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_lets_a_change_through_while_nothing_has_changed(thing: Thing, method: str) -> None:
    client, path, change = thing
    headers = {"If-Match": client.get(path).headers["ETag"]}

    response = client.open(path, method=method, json=change if method == "PATCH" else None, headers=headers)

    assert response.status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_if_match_is_a_412_when_the_thing_has_changed_since(thing: Thing, method: str) -> None:
    client, path, change = thing
    headers = {"If-Match": client.get(path).headers["ETag"]}
    client.patch(path, json=dict.fromkeys(change, "Somebody else's"))

    response = client.open(path, method=method, json=change if method == "PATCH" else None, headers=headers)

    assert code(response) == (412, "precondition_failed")
    assert "Somebody else's" in client.get(path).text


@pytest.mark.parametrize("table", ["customer", "customer_address"])
def test_a_change_by_another_program_counts(customer: Account, db: Db, table: str) -> None:
    address = customer.client.post(f"{customer.path}/addresses", json=ADDRESS).headers["Location"]
    path = address if table == "customer_address" else customer.path
    etag = customer.client.get(path).headers["ETag"]
    db.execute(f"UPDATE {table} SET full_name = 'Theirs'")

    read = customer.client.get(path, headers={"If-None-Match": etag})
    written = customer.client.patch(path, json={"full_name": "Ours"}, headers={"If-Match": etag})

    assert read.status_code == 200
    assert written.status_code == 412


@pytest.mark.parametrize("value", ['"other"', '"a", "b"', "nonsense", "", 'W/"other"'])
def test_an_if_match_that_names_no_current_version_is_a_412(thing: Thing, value: str) -> None:
    client, path, change = thing

    assert client.patch(path, json=change, headers={"If-Match": value}).status_code == 412


@pytest.mark.parametrize("form", ["*", "W/{}", '"x", {}', "{}"])
def test_one_that_names_it_among_others_is_enough(thing: Thing, form: str) -> None:
    client, path, change = thing
    value = form.replace("{}", client.get(path).headers["ETag"])

    assert client.patch(path, json=change, headers={"If-Match": value}).status_code == 200


def test_without_if_match_nothing_changes(thing: Thing) -> None:
    client, path, change = thing
    client.patch(path, json=change)

    assert client.patch(path, json=change).status_code == 200
    assert client.delete(path).status_code == 200


@pytest.mark.parametrize("etag", ["*", '"x"'])
def test_a_thing_that_is_not_there_is_a_404_with_if_match_too(admin: Account, customer: Account, etag: str) -> None:
    missing = "00000000-0000-0000-0000-000000000001"
    for path in (f"/api/customers/{missing}", f"{customer.path}/addresses/{missing}"):
        for method in ("PATCH", "DELETE"):
            response = admin.client.open(path, method=method, json={"full_name": "X"}, headers={"If-Match": etag})
            assert response.status_code == 404


def test_if_none_match_is_a_304_while_nothing_has_changed(thing: Thing) -> None:
    client, path, _ = thing
    etag = client.get(path).headers["ETag"]

    for value in (etag, f"W/{etag}", f'"x", {etag}'):
        response = client.get(path, headers={"If-None-Match": value})
        assert (response.status_code, response.data, response.headers["ETag"]) == (304, b"", etag)


CHANGES: list[Callable[[Account, str], Any]] = [
    lambda customer, address: customer.client.patch(customer.path, json={"full_name": "X"}),
    lambda customer, address: customer.client.patch(customer.path, json={"email": "new@example.com"}),
    lambda customer, address: customer.client.patch(address, json={"city": "X"}),
    lambda customer, address: customer.client.patch(address, json={"is_default": True}),
    lambda customer, address: customer.client.post(f"{customer.path}/addresses", json=ADDRESS),
    lambda customer, address: customer.client.delete(address),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_never_a_304_when_anything_in_the_answer_has_changed_an_address_included(
    customer: Account, number: int
) -> None:
    address = customer.client.post(f"{customer.path}/addresses", json=ADDRESS).headers["Location"]
    before = customer.client.get(customer.path)

    CHANGES[number](customer, address)
    after = customer.client.get(customer.path, headers={"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert after.get_json() != before.get_json() or number == 0
    assert after.headers["ETag"] != before.headers["ETag"]


def test_a_login_changes_no_version(customer: Account, client: CheckingClient) -> None:
    etag = customer.client.get(customer.path).headers["ETag"]

    client.post("/customer/login", json={"email": customer.email, "password": PASSWORD})

    assert customer.client.get(customer.path, headers={"If-None-Match": etag}).status_code == 304


def test_of_two_changes_with_one_etag_one_wins(thing: Thing) -> None:
    client, path, change = thing
    headers = {"If-Match": client.get(path).headers["ETag"]}

    statuses = at_once(2, lambda _: client.patch(path, json=change, headers=headers).status_code)

    assert Counter(statuses) == {200: 1, 412: 1}


def test_of_a_change_and_a_deletion_with_one_etag_one_wins(thing: Thing) -> None:
    client, path, change = thing
    headers = {"If-Match": client.get(path).headers["ETag"]}

    def act(number: int) -> int:
        if number:
            return client.patch(path, json=change, headers=headers).status_code
        return client.delete(path, headers=headers).status_code

    statuses = at_once(2, act)

    assert min(statuses) == 200
    assert max(statuses) in (401, 404, 412)
