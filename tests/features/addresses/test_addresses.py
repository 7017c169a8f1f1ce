"""A customer's addresses (CONTRACT section 7). What a field may be is in test_schemas.py."""

from collections import Counter

import psycopg
import pytest

from tests.conftest import ADDRESS, Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import address_of
from tests.support.database import Db
from tests.support.threads import at_once, overtaken

DOCUMENTED = ["customer_address_id", "uuid", "full_name", "telephone", "address_1", "address_2", "city", "province",
              "country", "postcode", "is_default"]  # fmt: skip
FIELDS = [*DOCUMENTED, "customer_id", "created_at", "updated_at"]
REQUIRED = ["full_name", "address_1", "province", "country", "postcode"]
FULL = {**ADDRESS, "country": "US", "telephone": "555-1", "address_2": "Apt 4", "city": "Springfield"}


@pytest.fixture
def addresses(customer: Account) -> str:
    return f"{customer.path}/addresses"


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


def test_what_is_optional_may_be_null_or_left_out(customer: Account) -> None:
    nulls = dict.fromkeys(["telephone", "address_2", "city"])
    full = address_of(customer, **FULL)
    data_of(customer.client.patch(full, json=nulls))

    for path in (address_of(customer), address_of(customer, **nulls), full):
        assert data_of(customer.client.get(path)).items() >= nulls.items()


# ---------------------------------------------------------------- one default


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


def test_a_refused_request_leaves_the_default_as_it_was(customer: Account, addresses: str) -> None:
    first, second = address_of(customer, is_default=True), address_of(customer)
    bad = {**ADDRESS, "is_default": True, "postcode": " "}

    invalid(customer.client.post(addresses, json=bad), "postcode")
    invalid(customer.client.patch(second, json=bad), "postcode")
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


# ---------------------------------------------------------------- at most 100


def fill(db: Db, customer: Account, count: int) -> None:
    """Give a customer so many addresses."""
    db.execute(
        "INSERT INTO customer_address (customer_id, country)"
        " SELECT customer_id, 'US' FROM customer, generate_series(1, %s) WHERE uuid = %s",
        *(count, customer.uuid),
    )


def test_the_101st_address_is_a_409_until_one_is_gone(
    customer: Account, other: Account, addresses: str, db: Db
) -> None:
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


# ---------------------------------------------------------------- at once


def test_changes_at_once_of_different_fields_are_all_kept(customer: Account, address: str) -> None:
    changes = {name: f"new {name}" for name in FULL if name not in ("country", "postcode")}

    at_once(6, lambda n: customer.client.patch(address, json=dict([[*changes.items()][n]])))

    assert data_of(customer.client.get(address)).items() >= changes.items()


def test_addresses_created_during_a_deletion_are_gone(
    customer: Account, admin: Account, addresses: str, db: Db
) -> None:
    def act(number: int) -> int:
        if number == 7:
            return admin.client.delete(customer.path).status_code
        return customer.client.post(addresses, json=ADDRESS).status_code

    statuses = at_once(16, act)

    assert statuses[7] == 200
    assert set(statuses) <= {200, 201, 401, 404}
    assert db.all("SELECT FROM customer_address") == []


@pytest.mark.parametrize(
    ("statement", "status"),
    [("DELETE FROM customer_address", 404), ("UPDATE customer_address SET telephone = '1'", 200)],
)
def test_a_patch_that_waited_for_another_write_is_never_a_412_unless_it_asked(
    customer: Account, address: str, database: str, db: Db, statement: str, status: int
) -> None:
    """Contract section 10: without If-Match nothing changes. The other write is a DELETE here, or an EverShop's."""
    late = overtaken(database, db, statement, lambda: customer.client.patch(address, json={"city": "X"}))

    assert late.status_code == status, late.text
