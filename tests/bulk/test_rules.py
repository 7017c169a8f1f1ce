"""The import's rules are the API's: what one takes the other takes, as the same."""

from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st
from marshmallow import ValidationError

from customers.bulk import rows
from customers.bulk.files import Record
from customers.features.accounts.schemas import NewCustomer
from customers.features.groups.schemas import NewGroup

TEXTS = st.text() | st.text("ab.@-_+'\" \t\n\0\ud800ßé", max_size=80) | st.from_regex(r"[a-z.]{1,9}@[a-z.-]{1,9}\.co")
VALUES = TEXTS | st.integers(-1, 2) | st.booleans() | st.floats() | st.lists(TEXTS, max_size=1)
FIELDS = {
    **{column: NewCustomer().fields[column] for column in ("email", "full_name", "status", "password")},
    "group": NewGroup().fields["group_name"],
}


@pytest.mark.parametrize("column", FIELDS)
@settings(max_examples=100, deadline=None)
@given(value=VALUES)
@example("a@b.co ")
@example("ann@bücher.example")
@example("x" * 255)
@example("x" * 256)
@example("\x7f@example.com")
@example("Zu\u0308rich")
@example("password1")
@example("1")
def test_field_and_import_agree(column: str, value: Any) -> None:
    try:
        expected = f"{FIELDS[column].deserialize(value)}"
    except ValidationError as fault:
        expected = f"{column}: {' '.join(map(str, fault.messages))}"

    try:
        found = f"{rows.check(Record(1, {'email': 'ann@example.com', column: value}))[column]}"
    except rows.Rejected as fault:
        found = str(fault)

    assert found == expected
