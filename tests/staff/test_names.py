"""Names that turn the direction of text: they turn their own on a page, and nothing beside them."""

from tests.conftest import ADDRESS, Account
from tests.support.html import Visitor

TURNING = "Ann \u202egpj.exe"


def test_a_name_that_turns_text_is_isolated_from_what_stands_beside_it(visitor: Visitor, customer: Account) -> None:
    customer.client.patch(customer.path, json={"full_name": TURNING})
    address = customer.client.post(f"{customer.path}/addresses", json={**ADDRESS, "full_name": TURNING}).get_json()
    edit = f"/admin/customers/edit/{customer.uuid}"

    def isolated(path: str) -> int:
        return visitor.client.get(path).text.count(f"<bdi>{TURNING}</bdi>")

    assert isolated(edit) == 2
    assert isolated(f"{edit}/delete") == 2
    assert isolated(f"{edit}/addresses/{address['data']['uuid']}") == 1
