"""Which customers the list's filters leave (CONTRACT section 9)."""

import itertools
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Account
from tests.support.database import Db
from tests.support.rows import LIST, add, add_group, at_fault, ids

# A filter, a value, what a customer that it leaves has, and what one that it does not leave has.
CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "keyword": ("mit", {"full_name": "John Smith"}, {"full_name": "John Doe"}),
    "email": ("Ann.Lee@Example.com", {"email": "ann.lee@example.com"}, {"email": "ann.lee@example.com.au"}),
    "full_name": ("lee", {"full_name": "Ann-Lee"}, {"full_name": "Ann"}),
    "status": ("0", {"status": 0}, {"status": 1}),
    "group_id": ("2", {"group_id": 2}, {"group_id": 1}),
    "created_from": ("2026-02-01", {"created_at": "2026-02-01 00:00:00Z"}, {"created_at": "2026-01-31 23:59:59.999Z"}),
    "created_to": ("2026-03-01", {"created_at": "2026-02-28 23:59:59.999Z"}, {"created_at": "2026-03-01 00:00:00Z"}),
}


@pytest.fixture
def group(db: Db, admin: Account) -> int:
    """Return the id of a group, over empty tables."""
    return add_group(db, "Wholesale")


@pytest.mark.parametrize("name", CASES)
def test_a_filter_leaves_those_it_describes(admin: Account, db: Db, group: int, name: str) -> None:
    value, fits, fits_not = CASES[name]
    columns = [{**fits}, {**fits_not}]
    for row in columns:
        if row.get("group_id") == 2:
            row["group_id"], value = group, str(group)
    kept, _ = (add(db, **row) for row in columns)

    assert ids(admin.client, **{name: value}) == [kept]


def test_filters_are_combined_by_and(admin: Account, db: Db, group: int) -> None:
    """Of all combinations of what fits and what does not, one is left by all filters; each filter leaves half."""
    names = ("keyword", "status", "group_id", "created_from")
    values = {name: CASES[name][0] for name in names} | {"group_id": group}
    made = {}
    for choice in itertools.product((True, False), repeat=len(names)):
        columns: dict[str, Any] = {}
        for name, fits in zip(names, choice, strict=True):
            columns |= CASES[name][1] if fits else CASES[name][2]
        columns["group_id"] = group if choice[2] else 1
        made[choice] = add(db, **columns)

    for chosen in itertools.product((True, False), repeat=len(names)):
        wanted = [id_ for c, id_ in made.items() if all(fits for fits, used in zip(c, chosen, strict=True) if used)]
        query = {name: values[name] for name, used in zip(names, chosen, strict=True) if used}
        assert ids(admin.client, **query) == wanted, query


def test_all_filters_together_leave_the_one_that_each_leaves(admin: Account, db: Db, group: int) -> None:
    fits: dict[str, Any] = {
        "email": "ann.lee@example.com",
        "full_name": "Ann-Lee Smith",
        "status": 0,
        "group_id": group,
        "created_at": "2026-02-10 00:00:00Z",
    }
    query: dict[str, Any] = {name: case[0] for name, case in CASES.items()} | {"group_id": group}

    kept = add(db, **fits)

    assert ids(admin.client, **query) == [kept]
    for name in query:
        miss = {"keyword": "nobody", "email": "x@y.zz", "full_name": "nobody", "status": 1, "group_id": 1}
        wrong = miss.get(name, "2026-03-01" if name == "created_from" else "2026-01-01")
        assert ids(admin.client, **{**query, name: wrong}) == [], name


def test_a_keyword_is_looked_for_in_address_and_name_in_any_case(admin: Account, db: Db) -> None:
    kept = [
        add(db, email="x-NEEDLE-x@example.com", full_name="Ann"),
        add(db, email="a@needle.example.com", full_name=None),
        add(db, full_name="Ann Needle"),
        add(db, full_name="aNeeDLEb"),
    ]
    add(db, email="need@le.example.com", full_name="Need Le")

    assert ids(admin.client, keyword="nEEdle") == kept
    assert ids(admin.client, keyword="  nEEdle ") == kept


def test_a_name_is_looked_for_in_names_only(admin: Account, db: Db) -> None:
    kept = add(db, full_name="Müller-ÉTÉ")
    add(db, email="ller@example.com", full_name="Ann")
    add(db, email="ller2@example.com", full_name=None)

    assert ids(admin.client, full_name="LLER") == [kept]
    assert ids(admin.client, full_name="ü") == [kept]


@pytest.mark.parametrize("name", ["keyword", "full_name"])
@pytest.mark.parametrize("sign", ["%", "_", "\\", "\\%", "%_", "\\\\", "a%c", "a_c", "'", '"', "$1", ":email", "{0}"])
def test_wildcards_and_other_signs_mean_themselves(admin: Account, db: Db, name: str, sign: str) -> None:
    kept = add(db, full_name=f"x{sign}y")
    for other in ("abc", "aXc", "xy", "x1y", "x/y", "\\x", None):
        if other is None or sign not in other:
            add(db, full_name=other)

    assert ids(admin.client, **{name: sign}) == [kept]


def test_an_underscore_in_an_address_means_itself(admin: Account, db: Db) -> None:
    kept = add(db, email="ann_lee@example.com")
    add(db, email="ann.lee@example.com")

    assert ids(admin.client, keyword="ann_lee") == [kept]


@pytest.mark.parametrize(
    "part", ["ann", "ann@example.co", "nn@example.com", "%", "ann@example.com%", "___@example.com"]
)
def test_an_address_is_compared_whole_and_never_as_a_pattern(admin: Account, db: Db, part: str) -> None:
    kept = add(db, email="Ann@Example.com")

    assert ids(admin.client, email="aNN@eXAMPLE.com") == [kept]
    assert ids(admin.client, email=part) == []


@pytest.mark.parametrize("status", [0, 1])
def test_a_status_is_taken_as_its_digit_only(admin: Account, db: Db, status: int) -> None:
    kept = [add(db, status=value) for value in (0, 1)][status]

    assert ids(admin.client, status=status) == [kept]
    for wrong in ("2", "-1", "true", "1.0", "01", "", "%201", "active", "null"):
        assert at_fault(admin.client, f"status={wrong}") == ["status"]


@pytest.mark.parametrize("wrong", ["0", "-1", "1.0", "x", "", "%20", str(2**31), "9" * 30, "true", "1,2", "%00", "٣"])
def test_a_group_that_cannot_be_is_a_400(admin: Account, wrong: str) -> None:
    assert at_fault(admin.client, f"group_id={wrong}") == ["group_id"]


def test_a_group_that_is_not_there_has_nobody(admin: Account, db: Db) -> None:
    add(db)
    add(db, group_id=None)

    assert ids(admin.client, group_id=2**31 - 1) == []


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("blank", ["", "%20", "+", "%09%0A", "%C2%A0"])
def test_a_blank_filter_is_a_400_that_names_it(admin: Account, name: str, blank: str) -> None:
    assert at_fault(admin.client, f"{name}={blank}") == [name]


@pytest.mark.parametrize("name", [*CASES, "sort"])
def test_a_filter_given_twice_is_a_400_that_names_it(admin: Account, name: str) -> None:
    value = quote(CASES[name][0]) if name in CASES else "email"

    assert at_fault(admin.client, f"{name}={value}&{name}={value}") == [name]


@pytest.mark.parametrize("name", ["keyword", "email", "full_name"])
def test_a_text_no_column_could_hold_is_a_400_that_names_it(admin: Account, name: str) -> None:
    assert at_fault(admin.client, f"{name}=a%00b") == [name]
    assert at_fault(admin.client, f"{name}={'x' * 256}") == [name]


@pytest.mark.parametrize(
    "name", ["Keyword", "keywords", "keyword[]", "id", "customer_id", "created_at", "order", "%00"]
)
def test_an_unknown_parameter_is_a_400_that_names_it(admin: Account, name: str) -> None:
    (named,) = at_fault(admin.client, f"keyword=a&{name}=1")

    assert quote(named, safe="[]") == name


def test_all_that_is_wrong_is_told_at_once(admin: Account) -> None:
    wrong = {"status": "x", "group_id": "x", "created_from": "x", "created_to": "x", "sort": "x", "page": "x"}

    found = at_fault(admin.client, "&".join(f"{name}={value}" for name, value in wrong.items()))

    assert set(found) == set(wrong)


@pytest.mark.parametrize(
    "sort", ["", "-", "--email", "+email", "Email", "password", "uuid", "email,status", "email desc"]
)
def test_any_other_order_is_a_400(admin: Account, sort: str) -> None:
    assert at_fault(admin.client, f"sort={quote(sort)}") == ["sort"]


INJECTIONS = [
    "' OR '1'='1",
    "'; DELETE FROM customer; --",
    "x') OR true OR lower(email) LIKE ('%",
    "\\'; SELECT pg_sleep(60); --",
    "1 OR 1=1",
    "customer_id; DROP TABLE customer",
    "%(email)s",
    ":keyword",
    "{condition}",
]


@pytest.mark.parametrize("name", [*CASES, "sort", "page", "limit"])
@pytest.mark.parametrize("attack", INJECTIONS)
def test_no_parameter_becomes_part_of_a_statement(admin: Account, db: Db, name: str, attack: str) -> None:
    add(db)

    response = admin.client.get(LIST, query_string={name: attack})

    assert response.status_code in (200, 400)
    if response.status_code == 200:
        assert (response.get_json()["data"], response.get_json()["meta"]["total"]) == ([], 0)
    assert db.one("SELECT count(*) FROM customer")["count"] == 1


def test_a_filtered_total_is_exact_beyond_its_last_page(admin: Account, db: Db) -> None:
    for number in range(7):
        add(db, status=number % 2, full_name="Ann")

    for query in ({"status": 0}, {"status": 0, "keyword": "ann"}):
        meta = admin.client.get(LIST, query_string={**query, "limit": 3, "page": 9}).get_json()["meta"]
        assert (meta["total"], meta["last_page"], meta["from"], meta["to"]) == (4, 2, None, None)
