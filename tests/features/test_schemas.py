"""What every field takes and refuses: one table. A new schema or field fails here until it stands in it."""

from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

import marshmallow as ma
import pytest
from flask import Flask

from customers.features.accounts.schemas import CustomerChanges, ListQuery, NewCustomer
from customers.features.addresses.schemas import AddressChanges, NewAddress
from customers.features.groups.schemas import GroupChanges, NewGroup
from customers.features.passwords.schemas import PasswordChange, Reset, ResetRequest
from customers.features.sessions.schemas import Login
from customers.http.paging import PageQuery
from tests.conftest import ADDRESS, Account
from tests.support.answers import data_of, invalid, refused
from tests.support.builders import CUSTOMERS, GROUPS, ME, MISSING, NEW


class Rule(NamedTuple):
    """What a field takes as it is, what it takes otherwise than it is given, and what it refuses."""

    kept: list[Any]
    bad: list[Any]
    changed: list[tuple[Any, Any]] = []


BLANK = ["", " ", "\t\r\n", "\u00a0\u2003\u3000", "\x1c\x1d\x1e\x1f\x85", "\u2028\u2029"]
INVISIBLE = ["\u200b", "\u200b\u2060\ufeff", "\u00ad", "\u202e", "\u0301", "\u3164", "\u2800", "\x01\x7f", "\ue000"]
NO_TEXT: list[Any] = [None, 1, True, [], {}, ["x"], {"x": 1}]
UNSTORABLE = ["\0", "a\0b", "a\ud800b", "\udfff", "\ud83d half"]
TEXT = Rule(
    kept=["x", "x" * 255, "\U0001f600" * 255, "Zoë", "\u05e9\u05dc\u05d5\u05dd", "Ann \u202egpj.exe",
          "\u0645\u06cc\u200c\u062e \U0001f469\u200d\U0001f467", "A\u00adnn", "A\x01\x1b[2J\x7fnn", "Ann\r\nBcc: eve",
          "Ann\u2028Eve\x85Ann", "A\ue000\U0010fffd\ufffe", "<b>&amp;", "'; --", "\\", "0", "\\u0000 \\ud800"],
    bad=[*BLANK, *INVISIBLE, "x" * 256, *UNSTORABLE, *NO_TEXT],
    changed=[("  Ann  Of \n", "Ann  Of"), (" " + "x" * 255 + "\t", "x" * 255), ("Zoe\u0308", "Zoë"),
             ("e\u0301" * 255, "é" * 255)],
)  # fmt: skip
# What may be blank, and what may be null as well.
OPTIONAL = Rule(
    kept=[*TEXT.kept, None, "", *INVISIBLE],
    bad=["x" * 256, *UNSTORABLE, *NO_TEXT[1:]],
    changed=[*TEXT.changed, *((blank, "") for blank in BLANK)],
)
# In a PATCH blanks are refused by the act, which looks at the whole address.
PATCHED = OPTIONAL._replace(kept=[each for each in OPTIONAL.kept if each is not None], bad=[None, *OPTIONAL.bad])
COUNTRY = Rule(
    kept=["US", "DE"],
    bad=["U", "USA", "U1", "1", "??", "United States", "üs", "ß", "\ufb01", "s\u017f", "U\0", *BLANK, *NO_TEXT],
    changed=[("us", "US"), ("fR", "FR"), (" jp ", "JP")],
)
PATCHED_COUNTRY = COUNTRY._replace(
    bad=[value for value in COUNTRY.bad if value not in BLANK], changed=[*COUNTRY.changed, *((b, "") for b in BLANK)]
)
EMAIL = Rule(
    kept=["a@b.co", "Ann.Of@Example.COM", "o'neil+tag@x-y.example", "ann@xn--exmple-4nf.com", "a%@example.com",
          "x" * 64 + "@" + ".".join(["y" * 63, "z" * 63, "w" * 57, "org"])],
    bad=["", " ", "a", "ann@", "@b.co", "a b@c.de", "ann@eve@example.com", "ann@example.com\r\nBcc: eve@example.com",
         "ann@example.com,eve@example.com", "Ann <ann@example.com>", '"ann eve"@example.com', "ann@[127.0.0.1]",
         "\u0430nn@example.com", "ann\uff20example.com", "\u0131an@example.com", "\u212aai@example.com",
         "ann\u200b@example.com", f"ann@{'a' * 64}.com", "ann@-a.com", "ann@b\u00fc_.example",
         "a@" + ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61, "com"]), *UNSTORABLE, *NO_TEXT],
    changed=[("  ann@example.com ", "ann@example.com"), ("ann@bücher.example", "ann@xn--bcher-kva.example"),
             ("Ann@BÜCHER.example", "Ann@xn--bcher-kva.example"),
             ("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example"),
             ("ann@ex\u0430mple.com", "ann@xn--exmple-4nf.com"), ("ann@example\u3002com", "ann@example.com")],
)  # fmt: skip
PASSWORD = Rule(["", " x ", "x" * 5000, "e\u0301"], [*NO_TEXT, *UNSTORABLE])  # of a login, as typed
NEW_PASSWORD = Rule(
    kept=["8 chars!", "  spaces around  ", "ü" * 36, "x" * 71 + "!", "pässwörd ünüsual"],
    bad=["", "7 chars", "ü" * 37, "x" * 73, "password1", "PassWord1", "1234567890", "1q2w3e4r5t", "iloveyou1",
         "with\0null", "with\ud83dhalf", 12345678, *NO_TEXT],
    changed=[("cafe\u0301 noir", "café noir"), ("e\u0301" * 36, "é" * 36)],
)  # fmt: skip
TOKEN = TEXT._replace(kept=["x", "a-token_of-43-characters"])

STATUS = Rule(
    kept=[0, 1],
    bad=["2", 2, -1, True, False, 1.0, 0.0, None, "", " 1", "01", "true", [], [1], {}],
    changed=[("0", 0), ("1", 1)],
)
FLAG = Rule([True, False], [2, -1, 1.0, 0.0, "1", "0", "true", "", None, [], [1], {}], [(1, True), (0, False)])
# Raw: of others than admins the group is ignored, whatever it is; groups/test_groups.py has what an admin may send.
ANYTHING = Rule([None, "x", 1, [], {"a": 1}], [])
NO_NUMBER = ["", " ", "-1", "+1", "1.0", "1e3", "0x1", "1_0", " 1", "1 ", "x", "\uff11", "1\0", "9" * 12, str(2**31)]


def number(high: int) -> Rule:
    """Return the rule of a number from 1, in a query string."""
    return Rule([], ["0", str(high + 1), *NO_NUMBER], [("1", 1), (str(high), high), ("01", 1)])


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MOMENT = Rule(
    kept=[],
    bad=["0000-01-01", "10000-01-01", "2026-02-29", "2026-01-31T25:00", "2026-01-31T12:00:00+24:00",
         "2026-01-31T12:00:00 01:00", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026", "1769860800",
         "infinity", "\u0662\u066026-01-31", "2026-01-31\0", "2026-01-31+02:00", "2026-01-31-02:00",
         "2026-01-31Z", "2026-01-31x02:00", "20260131+0200", "2026-W05-6+02:00", *BLANK],
    changed=[*((text, NOON) for text in (
                 "2026-01-31T12:00:00Z", "2026-01-31T06:30:00-05:30", "2026-01-31 12:00:00", "2026-01-31T12:00",
                 "2026-01-31T12:00:00.000000000Z", "20260131T120000Z", "2026-W05-6T12:00Z")),
             ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
             ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))],
)  # fmt: skip
SORTED = ["customer_id", "email", "full_name", "status", "created_at", "updated_at"]
SORT = Rule(
    [*SORTED, *(f"-{key}" for key in SORTED)], ["", "-", "--email", "Email", "password", "email,status", "email; --"]
)
QUERIED_STATUS = STATUS._replace(kept=[], bad=[each for each in STATUS.bad if isinstance(each, str)])

CUSTOMER = {"status": STATUS, "email": EMAIL, "password": NEW_PASSWORD, "full_name": TEXT, "group_id": ANYTHING}
NEEDED = ("full_name", "address_1", "province", "postcode")
FREE = {**dict.fromkeys(("telephone", "address_2", "city"), OPTIONAL), "is_default": FLAG}
PAGE = {"page": number(2**31 - 1), "limit": number(100)}
TABLE: dict[type[ma.Schema], dict[str, Rule]] = {
    NewCustomer: CUSTOMER,
    CustomerChanges: CUSTOMER,
    NewAddress: {**dict.fromkeys(NEEDED, TEXT), "country": COUNTRY, **FREE},
    AddressChanges: {**dict.fromkeys(NEEDED, PATCHED), "country": PATCHED_COUNTRY, **FREE},
    NewGroup: {"group_name": TEXT},
    GroupChanges: {"group_name": TEXT},
    PasswordChange: {"current_password": PASSWORD, "password": NEW_PASSWORD},
    ResetRequest: {"email": EMAIL},
    Reset: {"token": TOKEN, "password": NEW_PASSWORD},
    Login: {"email": EMAIL, "password": PASSWORD},
    ListQuery: {
        **dict.fromkeys(("keyword", "email", "full_name"), TEXT), "status": QUERIED_STATUS,
        "group_id": number(2**31 - 1), "created_from": MOMENT, "created_to": MOMENT, "sort": SORT, **PAGE,
    },
    PageQuery: PAGE,
}  # fmt: skip


@pytest.mark.parametrize(("schema", "field"), [(schema, field) for schema, rules in TABLE.items() for field in rules])
def test_a_field_takes_what_is_good_and_refuses_what_is_bad_by_its_name(schema: type[ma.Schema], field: str) -> None:
    rule = TABLE[schema][field]

    for given, taken in [*((value, value) for value in rule.kept), *rule.changed]:
        loaded = schema(partial=True).load({field: given})[field]
        assert (type(loaded), loaded) == (type(taken), taken), ascii(given)
    for given in rule.bad:
        assert list(schema(partial=True).validate({field: given})) == [field], ascii(given)

    documented = schema().fields[field].metadata
    if "maxLength" in documented and "format" not in documented:  # an e-mail has more rules than a length
        shortest, longest = documented.get("minLength", 1), documented["maxLength"]
        lengths = [length for length in (shortest - 1, shortest, longest, longest + 1) if length]
        taken = [n for n in lengths if not schema(partial=True).validate({field: ("Zq3!" * 64)[:n]})]
        assert taken == [length for length in lengths if shortest <= length <= longest]


SCHEMAS = {schema.__name__: schema for schema in TABLE}
MAY_BE_MISSING = {"status", "group_id", "telephone", "address_2", "city", "is_default"}


def test_a_bad_body_is_a_400_that_names_each_field(
    app: Flask, customer: Account, admin: Account, address: str, group: dict[str, Any]
) -> None:
    document, bodies = app.extensions["openapi"], set()
    for template, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requestBody" not in operation:
                continue
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            rules, documented = TABLE[SCHEMAS[name]], document["components"]["schemas"][name]
            needed = set() if name.endswith("Changes") else rules.keys() - MAY_BE_MISSING
            assert (documented["properties"].keys(), set(documented.get("required", []))) == (rules.keys(), needed)

            path = template.format(uuid=customer.uuid, address_uuid=address[-36:], group_uuid=group["uuid"])
            client = customer.client if path.startswith(ME) else admin.client
            bad = {field: rule.bad[0] for field, rule in rules.items() if rule.bad}
            invalid(client.open(path, method=method, json=bad), *bad)
            if needed:
                invalid(client.open(path, method=method, json={}), *needed)
            bodies.add(name)
    assert bodies | {"ListQuery", "PageQuery"} == set(SCHEMAS)


def test_a_bad_query_string_is_a_400_that_names_each_parameter(app: Flask, customer: Account, admin: Account) -> None:
    for template, operations in app.extensions["openapi"]["paths"].items():
        parameters = operations.get("get", {}).get("parameters", [])
        named = {parameter["name"] for parameter in parameters if parameter["in"] == "query"}
        if not named:
            continue
        rules, path = TABLE[ListQuery if template == CUSTOMERS else PageQuery], template.format(uuid=customer.uuid)
        assert named == rules.keys()

        bad = {name: rule.bad[0] for name, rule in rules.items()}
        invalid(admin.client.get(path, query_string=bad), *bad)
        for unknown in ("pgae", "Page", "page[]", "customer_id", "a\0b"):
            invalid(admin.client.get(path, query_string={unknown: "1"}), unknown)
        for name, rule in rules.items():
            good = (rule.kept or [given for given, _ in rule.changed])[0]
            for second in (good, rule.bad[0]):
                invalid(admin.client.get(f"{path}?{urlencode([(name, good), (name, second)])}"), name)


def test_good_texts_are_answered_alike(customer: Account, admin: Account, address: str, group: dict[str, Any]) -> None:
    for given, taken in [*((text, text) for text in TEXT.kept), *TEXT.changed]:
        for path, field in ((customer.path, "full_name"), (address, "city"), (group["path"], "group_name")):
            data_of(admin.client.patch(path, json={field: given}))
            assert data_of(admin.client.get(path))[field] == taken


IGNORED = {"customer_id": 4711, "customer_address_id": 4711, "customer_group_id": 4711, "group_id": 99, "customers": 99,
           "uuid": MISSING, "created_at": "2000-01-01 00:00:00", "updated_at": "2000-01-01 00:00:00", "links": [],
           "anything": {"else": 1}, "": None, "data": {"full_name": "Eve"}}  # fmt: skip


@pytest.mark.parametrize("what", ["customer", "address", "group"])
def test_what_a_body_cannot_set_is_ignored_and_is_nothing_to_update(
    customer: Account, admin: Account, address: str, group: dict[str, Any], what: str
) -> None:
    client = admin.client if what == "group" else customer.client
    path, create, good, change = {
        "customer": (customer.path, CUSTOMERS, NEW, {"full_name": "X"}),
        "address": (address, f"{customer.path}/addresses", ADDRESS, {"city": "X"}),
        "group": (group["path"], GROUPS, {"group_name": "New"}, {"group_name": "X"}),
    }[what]

    created = data_of(client.post(create, json={**good, **IGNORED}), 201)
    before = data_of(client.get(path))
    changed = data_of(client.patch(path, json={**IGNORED, **change}))

    assert not [name for name, value in IGNORED.items() if created.get(name, "none") == value]
    different = {name for name in before if changed.get(name) != before[name]}
    assert different - {"updated_at", "customers", "addresses"} == set(change)
    for body in ({}, IGNORED):
        refused(client.patch(path, json=body), 400, "nothing_to_update")
