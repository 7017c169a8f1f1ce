"""What is in the shop that is fuzzed: the same customers, groups, addresses, sessions and tokens at every run.

Their uuids and secrets are computed, so that the process that calls knows them without asking.
"""

import hashlib
import uuid

import bcrypt
import psycopg

from customers.db import migrate

# What would keep the fuzz out: the cost of a hash, the age of a login, and whatever limits how often one may try.
SETTINGS = {"CUSTOMERS_BCRYPT_ROUNDS": "4", "CUSTOMERS_WORKERS": "2", "CUSTOMERS_RECENT_LOGIN": "86400"}

CUSTOMERS = 300
GROUPS = 40
# Of every account. It is that of the OpenAPI document's examples, so that these sign in, and so is the first address.
PASSWORD = "correct horse battery"
EXAMPLE = "john.smith@example.com"

_NAMESPACE = uuid.UUID("6f1d2f6e-3a55-4d0c-9d8b-0c9e9d1b7a10")


def place(number: int) -> dict[str, str]:
    """Return the uuids of a customer, by number, and of its address and its session, by the names in paths."""
    return {
        "uuid": _uuid("customer", number),
        "address_uuid": _uuid("address", number),
        "session_uuid": _uuid("session", number),
    }


def group(number: int) -> str:
    """Return the uuid of a group, by number."""
    return _uuid("group", number)


def token(number: int) -> str:
    """Return the secret by which a customer, by number, may set a new password once."""
    return _uuid("token", number)


def _uuid(kind: str, number: int) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{kind} {number}"))


def fill(conninfo: str) -> None:
    """Put the schema and all of it into an empty database."""
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    with psycopg.connect(conninfo) as conn, conn.cursor() as cursor:
        cursor.execute(migrate.FILE.read_bytes())
        cursor.execute(
            "INSERT INTO admin_user (email, password, full_name) VALUES (%s, %s, 'Ada Admin')", (EXAMPLE, hashed)
        )
        cursor.executemany(
            "INSERT INTO customer_group (uuid, group_name) VALUES (%s, %s)",
            [(group(number), f"Group {number}") for number in range(GROUPS)],
        )
        for number in range(CUSTOMERS):
            here = place(number)
            email = f"customer{number}@example.com" if number else EXAMPLE
            cursor.execute(
                "INSERT INTO customer (uuid, email, password, full_name) VALUES (%s, %s, %s, %s) RETURNING customer_id",
                (here["uuid"], email, hashed, f"Customer {number}"),
            )
            (customer_id,) = cursor.fetchone() or ()
            cursor.execute(
                "INSERT INTO customer_address (uuid, customer_id, full_name, address_1, province, country, postcode)"
                " VALUES (%s, %s, 'Ann', '1 Main Street', 'IL', 'US', '62701')",
                (here["address_uuid"], customer_id),
            )
            cursor.execute(
                "INSERT INTO login_session (digest, uuid, customer_id, expires_at)"
                " VALUES (%s, %s, %s, now() + interval '1 day')",
                (hashlib.sha256(here["session_uuid"].encode()).digest(), here["session_uuid"], customer_id),
            )
            cursor.execute(
                "INSERT INTO reset_password_token (customer_id, token) VALUES (%s, %s)",
                (customer_id, hashlib.sha256(token(number).encode()).hexdigest()),
            )
