"""Names of groups: unique whatever their case, also at once (CONTRACT section 9)."""

from collections import Counter

import pytest

from tests.conftest import Account
from tests.support.database import Db
from tests.test_groups import GROUPS, created, path, refused
from tests.test_races import at_once


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    "name", ["", " ", "\t\n", None, 1, True, ["a"], {}, "x" * 256, "a\0b", "\ud800"], ids=lambda name: repr(name)[:9]
)
def test_a_name_that_cannot_be_is_a_400_that_names_it(admin: Account, method: str, name: object) -> None:
    target = GROUPS if method == "POST" else path(created(admin))

    response = admin.client.open(target, method=method, json={"group_name": name})

    assert refused(response) == (400, "invalid_input")
    assert list(response.get_json()["error"]["errors"]) == ["group_name"]


@pytest.mark.parametrize("name", ["x" * 255, "Großhandel 山田 😀", "%", "'; DROP TABLE customer_group; --", "\\", "0"])
def test_any_other_name_is_kept_as_it_is(admin: Account, name: str) -> None:
    assert admin.client.get(path(created(admin, name))).get_json()["data"]["group_name"] == name


def test_a_group_needs_a_name_and_a_change_a_change(admin: Account) -> None:
    missing = admin.client.post(GROUPS, json={"name": "x"})
    nothing = admin.client.patch(path(created(admin)), json={"uuid": "x"})

    assert list(missing.get_json()["error"]["errors"]) == ["group_name"]
    assert refused(nothing) == (400, "nothing_to_update")


@pytest.mark.parametrize("name", ["wholesale", "WHOLESALE", "Wholesale", " wHOLEsale\n"])
def test_names_are_unique_whatever_their_case(admin: Account, name: str) -> None:
    created(admin)
    other = created(admin, "Retail")

    assert refused(admin.client.post(GROUPS, json={"group_name": name})) == (409, "group_name_taken")
    assert refused(admin.client.patch(path(other), json={"group_name": name})) == (409, "group_name_taken")
    assert admin.client.get(path(other)).get_json()["data"]["group_name"] == "Retail"


@pytest.mark.parametrize("pattern", ["Wholesal%", "Wholesal_", "%", "Whole.*"])
def test_names_are_never_compared_as_patterns(admin: Account, pattern: str) -> None:
    created(admin)

    created(admin, pattern)


def test_a_group_may_change_the_case_of_its_own_name(admin: Account) -> None:
    group = created(admin)

    for name in ("WHOLEsale", "WHOLEsale"):
        assert admin.client.patch(path(group), json={"group_name": name}).get_json()["data"]["group_name"] == name


def test_of_16_creations_of_one_name_one_wins(admin: Account, db: Db) -> None:
    names = ["Wholesale", "WHOLESALE", "wholesale", "wHOLESALE"]

    statuses = at_once(16, lambda n: admin.client.post(GROUPS, json={"group_name": names[n % 4]}).status_code)

    assert Counter(statuses) == {201: 1, 409: 15}
    assert db.one("SELECT count(*) FROM customer_group WHERE customer_group_id <> 1")["count"] == 1


def test_of_16_renames_to_one_name_one_wins(admin: Account) -> None:
    groups = [created(admin, f"Group {number}") for number in range(16)]

    statuses = at_once(16, lambda n: admin.client.patch(path(groups[n]), json={"group_name": "One"}).status_code)

    assert Counter(statuses) == {200: 1, 409: 15}


def test_a_name_is_free_again_after_its_group_is_gone(admin: Account) -> None:
    admin.client.delete(path(created(admin)))

    created(admin, "WHOLESALE")
