"""Fields for passwords on pages (ASVS 5.0, 6.2.6 and 6.2.7)."""

import pytest

from tests.conftest import Account
from tests.support.html import Visitor

# Where a password is typed, and what a browser or a password manager may fill in there.
FIELDS = {
    "/admin/login": "current-password",
    "/admin/customers/new": "new-password",
    "/admin/customers/edit/{uuid}": "new-password",
}


@pytest.mark.parametrize(("path", "filled"), FIELDS.items())
def test_what_is_typed_is_masked_and_may_be_pasted_and_filled_in_by_a_program(
    visitor: Visitor, customer: Account, path: str, filled: str
) -> None:
    if path == "/admin/login":
        visitor.client.delete_cookie("customers")

    # That no page has a script, nor an attribute that is one, is checked of every page.
    (field,) = visitor.get(path.format(uuid=customer.uuid)).all("input", name="password")

    assert field["type"] == "password"
    assert field["autocomplete"] == filled
    assert "readonly" not in field
    assert int(field["maxlength"]) >= 72
