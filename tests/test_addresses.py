"""A customer's addresses, one by one (CONTRACT section 7); what holds of them together is in test_address_races."""

import uuid
from typing import Any

import pytest

from tests.conftest import ADDRESS, Account
from tests.support.database import Db

DOCUMENTED = ["customer_address_id", "uuid", "full_name", "telephone", "address_1", "address_2", "city", "province",
              "country", "postcode", "is_default"]  # fmt: skip
FIELDS = [*DOCUMENTED, "customer_id", "created_at", "updated_at"]
REQUIRED = ["full_name", "address_1", "province", "country", "postcode"]
FULL = {**ADDRESS, "country": "US", "telephone": "555-1", "address_2": "Apt 4", "city": "Springfield"}
MISSING = str(uuid.UUID(int=1))


@pytest.fixture
def addresses(customer: Account) -> str:
    return f"{customer.path}/addresses"


@pytest.fixture
def address(customer: Account, addresses: str) -> str:
    return str(customer.client.post(addresses, json=FULL).headers["Location"])


def add(customer: Account, **changes: Any) -> dict[str, Any]:
    response = customer.client.post(f"{customer.path}/addresses", json={**FULL, **changes})
    return dict(response.get_json()["data"])


def store(db: Db, customer: Account, **columns: str) -> str:
    """Insert a row as an existing shop may have it; return its path."""
    names, values = ", ".join(columns), ", ".join(["%s"] * len(columns))
    insert = (
        f"INSERT INTO customer_address (updated_at, customer_id, {names}) SELECT '2020-01-01', customer_id, {values}"
    )
    row = db.one(f"{insert} FROM customer WHERE uuid = %s RETURNING uuid", *columns.values(), customer.uuid)
    return f"{customer.path}/addresses/{row['uuid']}"


def errors(response: Any) -> set[str]:
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "invalid_input"), response.text
    return set(response.get_json()["error"]["errors"])


# ---------------------------------------------------------------- answers


def test_create_answers_201_with_location_the_fields_in_order_and_links(customer: Account, addresses: str) -> None:
    response = customer.client.post(addresses, json=FULL)

    data = response.get_json()["data"]
    assert response.status_code == 201
    assert response.headers["Location"] == f"{addresses}/{data['uuid']}"
    assert list(data) == [*FIELDS, "links"]
    assert {name: data[name] for name in FULL} == FULL
    assert (data["is_default"], str(uuid.UUID(data["uuid"]))) == (False, data["uuid"])
    assert data["customer_id"] == customer.client.get(customer.path).get_json()["data"]["customer_id"]


def test_create_and_update_add_the_same_two_links_and_these_work(customer: Account, addresses: str) -> None:
    created = add(customer)
    path = f"{addresses}/{created['uuid']}"
    edit = {"rel": "edit", "href": path, "action": "PATCH", "types": ["application/json"]}
    delete = {"rel": "delete", "href": path, "action": "DELETE", "types": ["application/json"]}

    edited = customer.client.patch(created["links"][0]["href"], json={"city": "Elsewhere"}).get_json()["data"]
    deleted = customer.client.delete(edited["links"][1]["href"]).get_json()["data"]

    assert list(edited) == [*FIELDS, "links"]
    assert created["links"] == edited["links"] == [edit, delete]
    assert edited["city"] == deleted["city"] == "Elsewhere"


def test_get_list_and_delete_add_no_links(customer: Account, addresses: str, address: str, db: Db) -> None:
    db.execute(
        "UPDATE customer_address SET created_at = '2026-01-31 23:30:00.9-05', updated_at = '2026-02-02 00:00+00'"
    )

    one = customer.client.get(address).get_json()["data"]
    listing = customer.client.get(addresses).get_json()
    deleted = customer.client.delete(address)

    assert list(one) == FIELDS
    assert (one["created_at"], one["updated_at"]) == ("2026-02-01 04:30:00", "2026-02-02 00:00:00")
    assert listing == {"data": [one]}
    assert (deleted.status_code, deleted.get_json()) == (200, {"data": one})
    assert customer.client.get(addresses).get_json() == {"data": []}


def test_the_order_is_the_default_first_then_the_oldest_first(customer: Account, addresses: str) -> None:
    for name, default in (("first", False), ("second", False), ("third", True), ("fourth", False)):
        add(customer, full_name=name, is_default=default)

    listed = customer.client.get(addresses).get_json()["data"]
    shown = customer.client.get(customer.path).get_json()["data"]["addresses"]

    assert [one["full_name"] for one in listed] == ["third", "first", "second", "fourth"]
    assert [list(one.items()) for one in shown] == [[(name, one[name]) for name in DOCUMENTED] for one in listed]


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize(("given", "stored"), [("us", "US"), ("De", "DE"), ("fR", "FR"), ("JP", "JP")])
def test_country_is_two_letters_and_upper_cased(customer: Account, address: str, given: str, stored: str) -> None:
    created = add(customer, country=given)
    updated = customer.client.patch(address, json={"country": given}).get_json()["data"]["country"]

    assert created["country"] == updated == stored


@pytest.mark.parametrize("given", [True, False, 1, 0])
def test_is_default_is_a_boolean_or_0_or_1_and_answered_as_a_boolean(
    customer: Account, address: str, given: object
) -> None:
    created = add(customer, is_default=given)["is_default"]
    updated = customer.client.patch(address, json={"is_default": given}).get_json()["data"]["is_default"]

    assert created is updated is bool(given)


TEXTS = [name for name in FULL if name != "country"]
NO_TEXTS: list[Any] = ["x" * 256, "a\u0000b", "a\ud800b", 1, True, [], {}, ["x"]]
BAD: list[tuple[str, Any]] = [
    *((name, value) for name in TEXTS for value in NO_TEXTS),
    *(("country", value) for value in ["U", "USA", "U1", "1", "??", "United States", "üs", "ß", "ﬁ", "s\u017f", 1, True,
                                       ["US"], {}, "U\u0000"]),
    *(("is_default", value) for value in [2, -1, 1.0, 0.0, "1", "0", "true", "", None, [], [1], {}]),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), BAD)
def test_bad_input_is_a_400_that_names_the_field(
    customer: Account, addresses: str, address: str, field: str, value: object
) -> None:
    before = customer.client.get(addresses).get_json()

    created = customer.client.post(addresses, json={**FULL, field: value})
    updated = customer.client.patch(address, json={field: value})

    assert errors(created) == errors(updated) == {field}
    assert customer.client.get(addresses).get_json() == before


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_of_255_characters_is_taken(customer: Account, address: str, name: str) -> None:
    created = add(customer, **{name: "ü" * 255})
    updated = customer.client.patch(address, json={name: "😀" * 255}).get_json()["data"]

    assert (created[name], updated[name]) == ("ü" * 255, "😀" * 255)


@pytest.mark.parametrize("blank", ["", " ", "\t\n", None])
def test_after_a_create_what_is_required_is_not_blank_and_each_is_named(
    customer: Account, addresses: str, blank: str | None
) -> None:
    response = customer.client.post(addresses, json=dict.fromkeys(REQUIRED, blank))
    missing = customer.client.post(addresses, json={"city": "X"})

    assert errors(response) == errors(missing) == set(REQUIRED)
    assert customer.client.get(addresses).get_json() == {"data": []}


@pytest.mark.parametrize("blank", ["", " ", "\t\n", None])
@pytest.mark.parametrize("names", [*([name] for name in REQUIRED), ["full_name", "country"], REQUIRED], ids=",".join)
def test_after_a_patch_what_is_required_is_not_blank_and_each_is_named(
    customer: Account, address: str, names: list[str], blank: str | None
) -> None:
    response = customer.client.patch(address, json={**dict.fromkeys(names, blank), "city": "Elsewhere"})

    assert errors(response) == set(names)
    assert customer.client.get(address).get_json()["data"]["city"] == "Springfield"


def test_a_patch_is_merged_over_what_is_stored(customer: Account, db: Db) -> None:
    path = store(db, customer, full_name=" ", address_1="1 Main Street", country="", province="")

    incomplete = customer.client.patch(path, json={"full_name": "Ann"})
    complete = customer.client.patch(path, json={name: FULL[name] for name in REQUIRED if name != "address_1"})

    assert errors(incomplete) == {"province", "country", "postcode"}
    assert complete.get_json()["data"]["address_1"] == "1 Main Street"


def test_a_patch_changes_what_it_names_and_nothing_else(customer: Account, address: str, db: Db) -> None:
    db.execute("UPDATE customer_address SET created_at = '2020-01-01', updated_at = '2020-01-01'")
    before = customer.client.get(address).get_json()["data"]

    after = customer.client.patch(address, json={"telephone": "555-2"}).get_json()["data"]

    assert {name for name in FIELDS if after[name] != before[name]} == {"telephone", "updated_at"}


def test_what_is_optional_may_be_null(customer: Account, address: str) -> None:
    nulls = dict.fromkeys(["telephone", "address_2", "city"])

    created = customer.client.post(f"{customer.path}/addresses", json={**ADDRESS, **nulls}).get_json()["data"]
    updated = customer.client.patch(address, json=nulls).get_json()["data"]

    for data in (created, updated):
        assert {name: data[name] for name in nulls} == nulls


def test_an_existing_shops_row_may_be_sent_back_with_its_nulls(customer: Account, db: Db) -> None:
    path = store(db, customer, **{name: FULL[name] for name in REQUIRED})
    before = customer.client.get(path).get_json()["data"]

    after = customer.client.patch(path, json={**before, "city": "Elsewhere"}).get_json()["data"]

    assert before["telephone"] is before["city"] is None
    assert {name for name in FIELDS if after[name] != before[name]} == {"city", "updated_at"}


IGNORED = {"customer_address_id": 4711, "uuid": MISSING, "customer_id": 4711, "created_at": "2000-01-01 00:00:00",
           "updated_at": "2000-01-01 00:00:00", "links": [], "anything": {"else": 1}}  # fmt: skip


def test_what_a_body_cannot_set_is_ignored(customer: Account, address: str) -> None:
    created = add(customer, **IGNORED)
    updated = customer.client.patch(address, json={"city": "X", **IGNORED}).get_json()["data"]

    for data in (created, updated):
        assert not [name for name, value in IGNORED.items() if data.get(name) == value]


@pytest.mark.parametrize("body", [{}, IGNORED])
def test_an_empty_patch_is_a_400(customer: Account, address: str, body: dict[str, Any]) -> None:
    response = customer.client.patch(address, json=body)

    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "nothing_to_update")


UNKNOWN = [
    *((method, f"{{path}}/{MISSING}", "address_not_found") for method in ("GET", "PATCH", "DELETE")),
    *((method, "{path}/1", "not_found") for method in ("GET", "PATCH", "DELETE")),
    *((method, f"/api/customers/{MISSING}/addresses", "customer_not_found") for method in ("GET", "POST")),
]


@pytest.mark.parametrize(("method", "path", "code"), UNKNOWN)
def test_what_is_unknown_is_a_404(admin: Account, addresses: str, method: str, path: str, code: str) -> None:
    response = admin.client.open(path.format(path=addresses), method=method, json=FULL)

    assert (response.status_code, response.get_json()["error"]["code"]) == (404, code)
