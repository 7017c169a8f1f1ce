"""A customer's addresses, one by one (CONTRACT section 7). What a field may be is in test_schemas.py."""

import uuid

import pytest

from tests.conftest import ADDRESS, Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import address_of
from tests.support.database import Db

DOCUMENTED = ["customer_address_id", "uuid", "full_name", "telephone", "address_1", "address_2", "city", "province",
              "country", "postcode", "is_default"]  # fmt: skip
FIELDS = [*DOCUMENTED, "customer_id", "created_at", "updated_at"]
REQUIRED = ["full_name", "address_1", "province", "country", "postcode"]
FULL = {**ADDRESS, "country": "US", "telephone": "555-1", "address_2": "Apt 4", "city": "Springfield"}


@pytest.fixture
def addresses(customer: Account) -> str:
    return f"{customer.path}/addresses"


@pytest.fixture
def address(customer: Account) -> str:
    return address_of(customer, **FULL)


def store(db: Db, customer: Account, **columns: str) -> str:
    """Insert a row as an existing shop may have it, with nulls; return its path."""
    names, values = ", ".join(columns), ", ".join(["%s"] * len(columns))
    row = db.one(
        f"INSERT INTO customer_address (updated_at, customer_id, {names}) SELECT '2020-01-01', customer_id, {values}"
        " FROM customer WHERE uuid = %s RETURNING uuid",
        *(*columns.values(), customer.uuid),
    )
    return f"{customer.path}/addresses/{row['uuid']}"


def test_create_answers_the_fields_in_order_where_it_is_and_links_that_work(customer: Account, addresses: str) -> None:
    response = customer.client.post(addresses, json=FULL)
    created = data_of(response, 201)
    path = f"{addresses}/{created['uuid']}"
    links = [
        {"rel": rel, "href": path, "action": action, "types": ["application/json"]}
        for rel, action in (("edit", "PATCH"), ("delete", "DELETE"))
    ]

    assert (list(created), created["links"], response.headers["Location"]) == ([*FIELDS, "links"], links, path)
    assert created.items() >= {**FULL, "is_default": False, "uuid": str(uuid.UUID(created["uuid"]))}.items()
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


def test_the_default_comes_first_then_the_oldest(customer: Account, addresses: str) -> None:
    for name, default in (("first", False), ("second", False), ("third", True), ("fourth", False)):
        address_of(customer, full_name=name, is_default=default)

    listed = data_of(customer.client.get(addresses))

    assert [one["full_name"] for one in listed] == ["third", "first", "second", "fourth"]
    assert data_of(customer.client.get(customer.path))["addresses"] == [
        {name: one[name] for name in DOCUMENTED} for one in listed
    ]


@pytest.mark.parametrize("blank", ["", " ", "\u200b"])
@pytest.mark.parametrize("names", [*([name] for name in REQUIRED), ["full_name", "country"], REQUIRED], ids=",".join)
def test_after_a_patch_what_is_required_is_not_blank_and_each_is_named(
    customer: Account, address: str, names: list[str], blank: str
) -> None:
    blanks = {name: " " if name == "country" else blank for name in names}  # which has two letters or blanks

    invalid(customer.client.patch(address, json={**blanks, "city": "Elsewhere"}), *names)

    assert data_of(customer.client.get(address)).items() >= FULL.items()


def test_a_patch_is_merged_over_what_is_stored(customer: Account, db: Db) -> None:
    path = store(db, customer, full_name=" ", address_1="1 Main Street", country="", province="")

    invalid(customer.client.patch(path, json={"full_name": "Ann"}), "province", "country", "postcode")

    complete = {name: FULL[name] for name in REQUIRED if name != "address_1"}
    assert data_of(customer.client.patch(path, json=complete))["address_1"] == "1 Main Street"


def test_an_existing_shops_row_may_be_sent_back_as_it_was_answered(customer: Account, db: Db) -> None:
    path = store(db, customer, **{name: FULL[name] for name in REQUIRED})
    before = data_of(customer.client.get(path))

    after = data_of(customer.client.patch(path, json={**before, "city": "Elsewhere"}))

    assert (before["telephone"], before["city"], before["is_default"]) == (None, None, False)
    assert {name for name in FIELDS if after[name] != before[name]} == {"city", "updated_at"}


def test_what_is_optional_may_be_null_or_left_out(customer: Account, address: str) -> None:
    nulls = dict.fromkeys(["telephone", "address_2", "city"])

    for path in (address_of(customer), address_of(customer, **nulls)):
        assert data_of(customer.client.get(path)).items() >= nulls.items()
    assert data_of(customer.client.patch(address, json=nulls)).items() >= nulls.items()
