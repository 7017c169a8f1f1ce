"""A customer's addresses. What a field may be is in test_schemas.py."""

import psycopg
import pytest

from tests.conftest import ADDRESS, Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import ME, address_of
from tests.support.database import Db

DOCUMENTED = ["customer_address_id", "uuid", "full_name", "telephone", "address_1", "address_2", "city", "province",
              "country", "postcode", "is_default"]  # fmt: skip
FIELDS = [*DOCUMENTED, "customer_id", "created_at", "updated_at"]
REQUIRED = ["full_name", "address_1", "province", "country", "postcode"]
FULL = {**ADDRESS, "country": "US", "telephone": "555-1", "address_2": "Apt 4", "city": "Springfield"}


def test_create_answers_the_fields_in_order_where_it_is_and_links_that_work(customer: Account) -> None:
    client, addresses = customer.client, f"{customer.path}/addresses"
    response = client.post(addresses, json=FULL)
    created = data_of(response, 201)
    path = response.headers["Location"]
    links = [
        {"rel": rel, "href": path, "action": action, "types": ["application/json"]}
        for rel, action in (("edit", "PATCH"), ("delete", "DELETE"))
    ]

    assert (list(created), created["links"], path) == ([*FIELDS, "links"], links, f"{addresses}/{created['uuid']}")
    assert created.items() >= {**FULL, "is_default": False}.items()
    assert created["customer_id"] == data_of(client.get(ME))["customer_id"]
    edited = data_of(client.patch(path, json={"city": "Elsewhere"}))
    one = {name: edited[name] for name in FIELDS}
    assert (edited, edited["city"]) == ({**one, "links": links}, "Elsewhere")
    assert data_of(client.get(path)) == one
    assert data_of(client.get(addresses)) == [one]
    assert data_of(client.delete(path)) == one
    assert data_of(client.get(addresses)) == []
    refused(client.get(path), 404, "address_not_found")


def test_the_default_comes_first_then_the_oldest(customer: Account, other: Account) -> None:
    address_of(other)
    for name in ("first", "second", "third", "fourth"):
        address_of(customer, full_name=name, is_default=name == "third")

    listed = data_of(customer.client.get(f"{ME}/addresses"))

    assert [one["full_name"] for one in listed] == ["third", "first", "second", "fourth"]
    assert data_of(customer.client.get(customer.path))["addresses"] == [
        {name: one[name] for name in DOCUMENTED} for one in listed
    ]


def test_after_a_patch_what_is_required_is_not_blank_and_each_is_named(customer: Account, db: Db) -> None:
    client, path = customer.client, address_of(customer, **FULL)

    for names in (*([name] for name in REQUIRED), REQUIRED):
        for blank in ("", " ", "\u200b"):
            blanks = {name: " " if name == "country" else blank for name in names}  # which has two letters or blanks
            invalid(client.patch(path, json={**blanks, "city": "Elsewhere"}), *names)
    assert data_of(client.get(path)).items() >= FULL.items()

    db.execute("UPDATE customer_address SET full_name = ' ', country = '', province = '', postcode = NULL")
    invalid(client.patch(path, json={"full_name": "Ann"}), "province", "country", "postcode")
    complete = {name: FULL[name] for name in REQUIRED if name != "address_1"}
    assert data_of(client.patch(path, json=complete))["address_1"] == FULL["address_1"]


def test_an_existing_shops_row_may_be_sent_back_as_it_was_answered(customer: Account, address: str, db: Db) -> None:
    db.execute("UPDATE customer_address SET telephone = NULL, is_default = NULL, updated_at = '2020-01-01'")
    before = data_of(customer.client.get(address))

    after = data_of(customer.client.patch(address, json={**before, "city": "Elsewhere"}))

    assert (before["telephone"], before["is_default"]) == (None, False)
    assert {name for name in FIELDS if after[name] != before[name]} == {"city", "updated_at"}


def defaults(customer: Account) -> list[str]:
    found = data_of(customer.client.get(f"{ME}/addresses"))
    return [f"{customer.path}/addresses/{one['uuid']}" for one in found if one["is_default"]]


def test_at_most_one_is_the_default_until_it_is_given_up(customer: Account, other: Account, db: Db) -> None:
    first, second = address_of(customer, is_default=True), address_of(customer)
    address_of(other, is_default=True)
    stale = customer.client.patch(second, json={"is_default": 1}, headers={"If-Match": '"0"'})
    refused(stale, 412, "precondition_failed")
    assert defaults(customer) == [first]
    data_of(customer.client.patch(second, json={"is_default": True}))
    assert defaults(customer) == [second]
    third = address_of(customer, is_default=1)
    data_of(customer.client.patch(third, json={"city": "X"}))
    assert defaults(customer) == [third]
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("UPDATE customer_address SET is_default = true")
    data_of(customer.client.patch(third, json={"is_default": 0}))
    assert defaults(customer) == []


def test_the_101st_address_is_a_409(customer: Account, other: Account, db: Db) -> None:
    first = address_of(customer, is_default=True)
    db.execute("INSERT INTO customer_address (customer_id, country)"
               " SELECT customer_id, 'US' FROM customer, generate_series(1, 98)")  # fmt: skip
    hundredth = address_of(customer)

    one_more = customer.client.post(f"{ME}/addresses", json={**ADDRESS, "is_default": True})
    refused(one_more, 409, "too_many_addresses")

    assert defaults(customer) == [first]
    data_of(customer.client.patch(hundredth, json={"city": "X"}))
    data_of(customer.client.delete(hundredth))
    address_of(customer)
    address_of(other)
