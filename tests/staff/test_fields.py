"""What is typed or pasted into the fields of the pages, and how the pages show texts that others have written."""

import unicodedata
from collections.abc import Callable

import pytest
from flask import Flask

from customers.context import Context
from customers.features.sessions import service as admins
from tests.conftest import ADDRESS, PASSWORD, Account, log_in, new_client
from tests.support.database import Db
from tests.support.html import Page, Visitor, leads_to

NEW = "/admin/customers/new"
TYPED = {"full_name": "New Person", "email": "new@example.com", "password": "staple correct horse"}
PASTED = "correct horse battery staple " * 3  # 87 bytes; bcrypt reads 72
LONG_EMAIL = (
    f"ann@{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example.com"  # its first 254 characters are another domain
)
INTERNATIONAL, STORED = "ann@b\u00fccher.example", "ann@xn--bcher-kva.example"
TURNED = "Ann \u202egpj.exe"  # U+202E turns the direction of what follows
ZURICH, CAFE = "Z\u00fcrich", "caf\u00e9 caf\u00e9 caf\u00e9"


def decomposed(text: str) -> str:
    """Return a text as macOS types it."""
    return unicodedata.normalize("NFD", text)


@pytest.fixture
def edit(customer: Account) -> str:
    """Return the page of a customer."""
    return f"/admin/customers/edit/{customer.uuid}"


@pytest.fixture
def pages(customer: Account, edit: str, db: Db) -> list[str]:
    """Return the paths of all pages that have a form."""
    customer.client.post(f"{customer.path}/addresses", json=ADDRESS)
    address = db.one("SELECT uuid FROM customer_address")["uuid"]
    group = db.one("SELECT uuid FROM customer_group WHERE customer_group_id = 1")["uuid"]
    below = [edit, f"{edit}/delete", f"{edit}/addresses/new", f"{edit}/addresses/{address}"]
    return ["/admin/login", "/admin/customers", NEW, "/admin/groups", f"/admin/groups/{group}", *below]


def test_no_field_cuts_off_what_is_pasted(app: Flask, visitor: Visitor, pages: list[str]) -> None:
    """A maxlength once made an e-mail one of another domain, and a password its first 72 characters."""
    for path in pages:
        reader = Visitor(app) if path == "/admin/login" else visitor
        assert [found for _, found in reader.get(path).elements if "maxlength" in found] == [], path


@pytest.mark.parametrize(("field", "pasted"), [("password", PASTED), ("email", LONG_EMAIL)])
def test_a_pasted_text_that_is_too_long_is_rejected_at_its_field(
    visitor: Visitor, edit: str, db: Db, field: str, pasted: str
) -> None:
    before = db.all("SELECT email, password FROM customer")

    for path, typed in ((NEW, {**TYPED, field: pasted}), (edit, {field: pasted})):
        answer = visitor.send(path, **typed)
        assert answer.status_code == 400
        assert Page(answer.text).fault(field)

    assert db.all("SELECT email, password FROM customer") == before


@pytest.mark.parametrize(
    ("path", "completion"),
    [("/admin/login", "current-password"), (NEW, "new-password"), ("edit", "new-password")],
)
def test_a_password_is_masked_and_may_be_pasted_or_filled_in_by_a_password_manager(
    app: Flask, visitor: Visitor, edit: str, path: str, completion: str
) -> None:
    """ASVS 5.0, 6.2.6 and 6.2.7. That no page has a script is asserted of every page."""
    reader = Visitor(app) if path == "/admin/login" else visitor

    (field,) = reader.get(path.replace("edit", edit)).all("input", name="password")

    assert (field["type"], field["autocomplete"]) == ("password", completion)
    assert "readonly" not in field


def test_an_international_domain_is_taken_wherever_an_email_is_typed(
    app: Flask, visitor: Visitor, ctx: Context, db: Db
) -> None:
    edit = leads_to(visitor.send(NEW, **{**TYPED, "email": INTERNATIONAL})).partition("?")[0]
    created = db.one("SELECT email FROM customer")["email"]
    leads_to(visitor.send(edit, email="other@example.com"))
    leads_to(visitor.send(edit, email=INTERNATIONAL))
    changed = db.one("SELECT email FROM customer")["email"]
    leads_to(visitor.send(f"{edit}/delete", email=INTERNATIONAL))
    admins.create_admin(ctx, email=STORED, password=PASSWORD, full_name="Ann")

    assert (created, changed) == (STORED, STORED)
    assert db.all("SELECT FROM customer") == []
    assert leads_to(Visitor(app).sign_in(INTERNATIONAL)) == "/admin/customers"


def test_the_unicode_forms_of_a_text_are_one_text(
    app: Flask, visitor: Visitor, ctx: Context, make_customer: Callable[..., Account], db: Db
) -> None:
    typed = {"full_name": decomposed(ZURICH), "email": "new@example.com", "password": decomposed(CAFE)}
    leads_to(visitor.send(NEW, **typed))
    leads_to(visitor.send("/admin/groups", group_name=ZURICH))
    admins.create_admin(ctx, email="b@example.com", password=CAFE, full_name="B")

    found = visitor.get(f"/admin/customers?keyword={decomposed(ZURICH)}")
    twice = visitor.send("/admin/groups", group_name=decomposed(ZURICH))

    assert db.one("SELECT full_name FROM customer") == {"full_name": ZURICH}
    assert ZURICH in found.texts["a"]
    assert twice.status_code == 409
    assert log_in(new_client(app), "new@example.com", CAFE)
    assert leads_to(Visitor(app).sign_in("b@example.com", decomposed(CAFE))) == "/admin/customers"


def test_a_name_that_turns_the_direction_of_text_turns_only_itself(
    visitor: Visitor, customer: Account, edit: str
) -> None:
    customer.client.patch(customer.path, json={"full_name": TURNED})
    address = customer.client.post(f"{customer.path}/addresses", json={**ADDRESS, "full_name": TURNED}).get_json()
    paths = {edit: 2, f"{edit}/delete": 2, f"{edit}/addresses/{address['data']['uuid']}": 1}

    assert {path: visitor.client.get(path).text.count(f"<bdi>{TURNED}</bdi>") for path in paths} == paths


@pytest.mark.parametrize(
    ("stored", "shown"),
    [("0987-06-05 04:03:02Z", "05 Jun 0987, 04:03"), ("infinity", "\u2014"), ("-infinity", "\u2014")],
)
def test_a_time_is_shown_with_four_digits_of_its_year_or_as_a_dash(
    visitor: Visitor, customer: Account, edit: str, db: Db, stored: str, shown: str
) -> None:
    db.execute("UPDATE customer SET created_at = %s", stored)

    for path in (edit, "/admin/customers"):
        assert shown in visitor.client.get(path).text


def test_the_page_of_a_customer_shows_no_more_sessions_than_an_account_may_have(
    make_app: Callable[..., Flask], customer: Account, admin: Account, edit: str, db: Db
) -> None:
    visitor = Visitor(make_app(max_sessions=10))
    visitor.sign_in(admin.email)
    db.execute(
        "INSERT INTO login_session (digest, customer_id, user_agent, expires_at) SELECT sha256(n::text::bytea),"
        " customer_id, repeat('x', 255), now() + interval '1 day' FROM customer, generate_series(1, 5000) AS n"
    )

    page = visitor.client.get(edit)

    single = [action for action in Page(page.text).forms if action.endswith("/end") and "/sessions/end" not in action]
    assert len(single) == 10
    assert len(page.data) < 50_000
