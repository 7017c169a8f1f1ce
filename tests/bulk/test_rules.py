"""The import's rules are the API's: what one takes the other takes, as the same."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from marshmallow import ValidationError, fields as ma_fields

from customers.bulk import rows
from customers.bulk.files import Record
from customers.features.accounts.schemas import NewCustomer
from customers.features.groups.schemas import NewGroup

TEXTS = st.text() | st.text("ab.@-_+'\" \t\n\0\ud800ßé", max_size=80) | st.from_regex(r"[a-z.]{1,9}@[a-z.-]{1,9}\.co")
VALUES = TEXTS | st.integers(-1, 2) | st.booleans() | st.floats() | st.lists(TEXTS, max_size=1)
CUSTOMER = NewCustomer().fields
PAIRS: dict[str, ma_fields.Field[Any]] = {
    "email": CUSTOMER["email"],
    "full_name": CUSTOMER["full_name"],
    "status": CUSTOMER["status"],
    "password": CUSTOMER["password"],
    "group": NewGroup().fields["group_name"],
}


def outcome(take: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "taken", take()
    except (ValidationError, rows.Rejected) as fault:
        return "refused", " ".join(fault.messages) if isinstance(fault, ValidationError) else str(fault)


@pytest.mark.parametrize("column", PAIRS)
@settings(max_examples=300, deadline=None)
@given(value=VALUES)
@example("a@b.co ")
@example("ann@bücher.example")
@example("x" * 255)
@example("x" * 256)
@example("\x7f@example.com")
@example("Zu\u0308rich")
@example("1")
def test_field_and_import_agree(column: str, value: Any) -> None:
    record = Record(1, {"email": "ann@example.com", column: value})

    by_import = outcome(lambda: rows.check(record)[column])
    by_field = outcome(lambda: PAIRS[column].deserialize(value))

    assert (by_import[0], str(by_import[1]).removeprefix(f"{column}: ")) == (by_field[0], str(by_field[1]))
