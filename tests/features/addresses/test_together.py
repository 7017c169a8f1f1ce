"""A customer's addresses together: one default, at most 100; also of requests at once (CONTRACT section 7)."""

from collections import Counter
from collections.abc import Callable

import psycopg
import pytest

from tests.conftest import ADDRESS, Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import address_of
from tests.support.database import Db
from tests.support.threads import at_once, overtaken


def fill(db: Db, customer: Account, count: int) -> None:
    """Give a customer so many addresses."""
    db.execute(
        "INSERT INTO customer_address (customer_id, country)"
        " SELECT customer_id, 'US' FROM customer, generate_series(1, %s) WHERE uuid = %s",
        *(count, customer.uuid),
    )


def defaults(customer: Account) -> list[str]:
    """Return the paths of a customer's default addresses."""
    found = data_of(customer.client.get(f"{customer.path}/addresses"))
    return [f"{customer.path}/addresses/{one['uuid']}" for one in found if one["is_default"]]


# ---------------------------------------------------------------- one default


def test_making_one_the_default_clears_the_other(customer: Account, make_customer: Callable[..., Account]) -> None:
    first, second = address_of(customer, is_default=True), address_of(customer)
    assert defaults(customer) == [first]

    data_of(customer.client.patch(second, json={"is_default": True}))
    assert defaults(customer) == [second]

    third = address_of(customer, is_default=1)
    address_of(make_customer(), is_default=True)
    assert defaults(customer) == [third]


def test_a_default_stays_through_other_changes_and_may_be_given_up(customer: Account) -> None:
    path = address_of(customer, is_default=True)

    data_of(customer.client.patch(path, json={"city": "X"}))
    assert defaults(customer) == [path]

    data_of(customer.client.patch(path, json={"is_default": 0}))
    assert defaults(customer) == []


def test_the_database_refuses_a_second_default(customer: Account, db: Db) -> None:
    address_of(customer, is_default=True)

    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute(
            "INSERT INTO customer_address (customer_id, country, is_default)"
            " SELECT customer_id, 'US', true FROM customer"
        )


def test_a_refused_request_leaves_the_default_as_it_was(customer: Account) -> None:
    first, second = address_of(customer, is_default=True), address_of(customer)
    bad = {**ADDRESS, "is_default": True, "postcode": " "}

    invalid(customer.client.post(f"{customer.path}/addresses", json=bad), "postcode")
    invalid(customer.client.patch(second, json=bad), "postcode")
    refused(
        customer.client.patch(second, json={"is_default": 1}, headers={"If-Match": '"0"'}), 412, "precondition_failed"
    )

    assert defaults(customer) == [first]


def test_of_addresses_created_as_and_made_the_default_at_once_one_is(customer: Account) -> None:
    paths = [address_of(customer, is_default=number == 0) for number in range(16)]
    body = {**ADDRESS, "is_default": True}

    def act(number: int) -> int:
        method, path = ("PATCH", paths[number]) if number % 2 else ("POST", f"{customer.path}/addresses")
        return customer.client.open(path, method=method, json=body).status_code

    for _ in range(3):
        assert Counter(at_once(16, act)) == {200: 8, 201: 8}
        assert len(defaults(customer)) == 1


# ---------------------------------------------------------------- at most 100


def test_the_101st_address_is_a_409_until_a_place_is_given_up(
    customer: Account, make_customer: Callable[..., Account], db: Db
) -> None:
    first = address_of(customer, is_default=True)
    fill(db, customer, 98)
    fill(db, make_customer(), 100)  # another's do not count
    hundredth = address_of(customer)

    again = customer.client.post(f"{customer.path}/addresses", json={**ADDRESS, "is_default": True})

    refused(again, 409, "too_many_addresses")
    assert defaults(customer) == [first]
    data_of(customer.client.patch(hundredth, json={"city": "X"}))
    data_of(customer.client.delete(hundredth))
    address_of(customer)


def test_of_addresses_created_at_once_as_many_are_as_there_is_room_for(customer: Account, db: Db) -> None:
    fill(db, customer, 85)

    statuses = at_once(24, lambda _: customer.client.post(f"{customer.path}/addresses", json=ADDRESS).status_code)

    assert Counter(statuses) == {201: 15, 409: 9}
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 100


# ---------------------------------------------------------------- one address


def test_changes_at_once_of_different_fields_are_all_kept(customer: Account) -> None:
    path = address_of(customer)
    names = ["full_name", "telephone", "address_1", "address_2", "city", "province"]

    statuses = at_once(6, lambda n: customer.client.patch(path, json={names[n]: f"new {names[n]}"}).status_code)

    assert Counter(statuses) == {200: 6}
    assert data_of(customer.client.get(path)).items() >= {name: f"new {name}" for name in names}.items()


def test_addresses_created_while_the_customer_is_deleted_are_gone_with_it(
    customer: Account, admin: Account, db: Db
) -> None:
    def act(number: int) -> int:
        if number == 7:
            return admin.client.delete(customer.path).status_code
        return customer.client.post(f"{customer.path}/addresses", json=ADDRESS).status_code

    statuses = at_once(16, act)

    assert statuses[7] == 200
    assert set(statuses) <= {200, 201, 401, 404}
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 0


@pytest.mark.parametrize(
    ("statement", "status"),
    [("DELETE FROM customer_address", 404), ("UPDATE customer_address SET telephone = '1'", 200)],
)
def test_a_patch_that_waited_for_another_write_is_never_a_412_unless_it_asked(
    customer: Account, database: str, db: Db, statement: str, status: int
) -> None:
    """Contract section 10: without If-Match nothing changes. The other write is a DELETE here, or an EverShop's."""
    path = address_of(customer)

    late = overtaken(database, db, statement, lambda: customer.client.patch(path, json={"city": "X"}))

    assert late.status_code == status, late.text
