"""A customer's addresses. What a field may be is in test_schemas.py."""

from collections import Counter

import psycopg
import pytest

from tests.conftest import ADDRESS, Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import address_of
from tests.support.database import Db
from tests.support.threads import at_once

DOCUMENTED = ["customer_address_id", "uuid", "full_name", "telephone", "address_1", "address_2", "city", "province",
              "country", "postcode", "is_default"]  # fmt: skip
FIELDS = [*DOCUMENTED, "customer_id", "created_at", "updated_at"]
REQUIRED = ["full_name", "address_1", "province", "country", "postcode"]
FULL = {**ADDRESS, "country": "US", "telephone": "555-1", "address_2": "Apt 4", "city": "Springfield"}


@pytest.fixture
def addresses(customer: Account) -> str:
    return f"{customer.path}/addresses"


def test_create_answers_the_fields_in_order_where_it_is_and_links_that_work(customer: Account, addresses: str) -> None:
    response = customer.client.post(addresses, json=FULL)
    created = data_of(response, 201)
    path = f"{addresses}/{created['uuid']}"
    links = [
        {"rel": rel, "href": path, "action": action, "types": ["application/json"]}
        for rel, action in (("edit", "PATCH"), ("delete", "DELETE"))
    ]

    assert (list(created), created["links"], response.headers["Location"]) == ([*FIELDS, "links"], links, path)
    assert created.items() >= {**FULL, "is_default": False}.items()
    assert created["customer_id"] == data_of(customer.client.get(customer.path))["customer_id"]
    edited = data_of(customer.client.patch(created["links"][0]["href"], json={"city": "Elsewhere"}))
    assert (list(edited), edited["links"], edited["city"]) == ([*FIELDS, "links"], links, "Elsewhere")
    data_of(customer.client.delete(edited["links"][1]["href"]))


def test_get_list_and_delete_answer_it_without_links(customer: Account, addresses: str, address: str) -> None:
    one = data_of(customer.client.get(address))

    assert list(one) == FIELDS
    assert customer.client.get(addresses).get_json() == {"data": [one]}
    assert data_of(customer.client.delete(address)) == one
    assert customer.client.get(addresses).get_json() == {"data": []}
    refused(customer.client.get(address), 404, "address_not_found")


def test_the_default_comes_first_then_the_oldest(customer: Account, other: Account, addresses: str) -> None:
    address_of(other)
    for name in ("first", "second", "third", "fourth"):
        address_of(customer, full_name=name, is_default=name == "third")

    listed = data_of(customer.client.get(addresses))

    assert [one["full_name"] for one in listed] == ["third", "first", "second", "fourth"]
    assert data_of(customer.client.get(customer.path))["addresses"] == [
        {name: one[name] for name in DOCUMENTED} for one in listed
    ]


@pytest.mark.parametrize("names", [*([name] for name in REQUIRED), REQUIRED], ids=",".join)
def test_after_a_patch_what_is_required_is_not_blank_and_each_is_named(customer: Account, names: list[str]) -> None:
    path = address_of(customer, **FULL)

    for blank in ("", " ", "\u200b"):
        blanks = {name: " " if name == "country" else blank for name in names}  # which has two letters or blanks
        invalid(customer.client.patch(path, json={**blanks, "city": "Elsewhere"}), *names)

    assert data_of(customer.client.get(path)).items() >= FULL.items()


def test_a_patch_is_merged_over_what_is_stored(customer: Account, address: str, db: Db) -> None:
    db.execute("UPDATE customer_address SET full_name = ' ', country = '', province = '', postcode = NULL")

    invalid(customer.client.patch(address, json={"full_name": "Ann"}), "province", "country", "postcode")

    complete = {name: FULL[name] for name in REQUIRED if name != "address_1"}
    assert data_of(customer.client.patch(address, json=complete))["address_1"] == FULL["address_1"]


def test_an_existing_shops_row_may_be_sent_back_as_it_was_answered(customer: Account, address: str, db: Db) -> None:
    db.execute("UPDATE customer_address SET telephone = NULL, city = NULL, is_default = NULL")
    db.execute("UPDATE customer_address SET updated_at = '2020-01-01'")
    before = data_of(customer.client.get(address))

    after = data_of(customer.client.patch(address, json={**before, "city": "Elsewhere"}))

    assert (before["telephone"], before["city"], before["is_default"]) == (None, None, False)
    assert {name for name in FIELDS if after[name] != before[name]} == {"city", "updated_at"}


def defaults(customer: Account) -> list[str]:
    """Return the paths of a customer's default addresses."""
    found = data_of(customer.client.get(f"{customer.path}/addresses"))
    return [f"{customer.path}/addresses/{one['uuid']}" for one in found if one["is_default"]]


def test_making_one_the_default_clears_the_other_and_it_stays_until_given_up(customer: Account, other: Account) -> None:
    first, second = address_of(customer, is_default=True), address_of(customer)
    assert defaults(customer) == [first]
    data_of(customer.client.patch(second, json={"is_default": True}))
    assert defaults(customer) == [second]
    third = address_of(customer, is_default=1)
    address_of(other, is_default=True)
    data_of(customer.client.patch(third, json={"city": "X"}))
    assert defaults(customer) == [third]
    data_of(customer.client.patch(third, json={"is_default": 0}))
    assert defaults(customer) == []


def test_the_database_refuses_a_second_default(customer: Account, db: Db) -> None:
    address_of(customer), address_of(customer)

    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("UPDATE customer_address SET is_default = true")


def test_a_refused_request_leaves_the_default_as_it_was(customer: Account) -> None:
    first, second = address_of(customer, is_default=True), address_of(customer)
    changed = customer.client.patch(second, json={"is_default": 1}, headers={"If-Match": '"0"'})

    refused(changed, 412, "precondition_failed")
    assert defaults(customer) == [first]


def test_of_addresses_created_as_and_made_the_default_at_once_one_is(customer: Account, addresses: str) -> None:
    paths = [address_of(customer, is_default=number == 0) for number in range(16)]

    def act(number: int) -> int:
        method, path = ("PATCH", paths[number]) if number % 2 else ("POST", addresses)
        return customer.client.open(path, method=method, json={**ADDRESS, "is_default": True}).status_code

    for _ in range(3):
        assert Counter(at_once(16, act)) == {200: 8, 201: 8}
        assert len(defaults(customer)) == 1


def fill(db: Db, customer: Account, count: int) -> None:
    """Give a customer so many addresses."""
    db.execute(
        "INSERT INTO customer_address (customer_id, country)"
        " SELECT customer_id, 'US' FROM customer, generate_series(1, %s) WHERE uuid = %s",
        *(count, customer.uuid),
    )


def test_the_101st_address_is_a_409(customer: Account, other: Account, addresses: str, db: Db) -> None:
    first = address_of(customer, is_default=True)
    fill(db, customer, 98)
    fill(db, other, 100)
    hundredth = address_of(customer)

    refused(customer.client.post(addresses, json={**ADDRESS, "is_default": True}), 409, "too_many_addresses")

    assert defaults(customer) == [first]
    data_of(customer.client.patch(hundredth, json={"city": "X"}))
    data_of(customer.client.delete(hundredth))
    address_of(customer)


def test_of_addresses_created_at_once_100_at_most_are(customer: Account, addresses: str, db: Db) -> None:
    fill(db, customer, 85)

    statuses = at_once(24, lambda _: customer.client.post(addresses, json=ADDRESS).status_code)

    assert Counter(statuses) == {201: 15, 409: 9}
    assert db.one("SELECT count(*) FROM customer_address")["count"] == 100


def test_addresses_created_in_a_deletion_are_gone(customer: Account, admin: Account, addresses: str, db: Db) -> None:
    def act(number: int) -> int:
        if number == 7:
            return admin.client.delete(customer.path).status_code
        return customer.client.post(addresses, json=ADDRESS).status_code

    statuses = at_once(16, act)

    assert statuses[7] == 200
    assert set(statuses) <= {200, 201, 401, 404}
    assert db.all("SELECT FROM customer_address") == []
