"""Many customers, for measurements: made up, varied, the same for the same number at every run."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import sql

from customers.db import migrate

GROUPS = ("Default", "Wholesale", "Staff", "Press")
_FIRST = ("Ada", "Björn", "Chloé", "Dieter", "Emma", "Fatima", "Giulia", "Hassan", "Ines", "Jürgen", "Kofi", "Lucía")
_LAST = (
    "Abbott",
    "Brontë",
    "Curie",
    "Dvořák",
    "Euler",
    "Franklin",
    "Gödel",
    "Hopper",
    "Ibsen",
    "Joyce",
    "Kepler",
    "Liu",
)
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example")
_NEWEST = datetime(2026, 1, 1, tzinfo=UTC)
_HASH_CHARACTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

# All but those of the constraints.
_SEARCHED_BY = """
    SELECT relname
      FROM pg_index
      JOIN pg_class
        ON pg_class.oid = pg_index.indexrelid
     WHERE indrelid = 'customer'::regclass
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


class Made(NamedTuple):
    """A made-up customer."""

    uuid: UUID
    email: str
    full_name: str
    status: int
    group_name: str
    password_hash: str  # has the form of a bcrypt hash, and is the hash of nothing
    created_at: datetime


def customers(count: int) -> Iterator[Made]:
    """Return so many customers, the oldest first; each e-mail address holds a number that is in no other."""
    chance = random.Random(count)
    for number in range(count):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        yield Made(
            uuid=UUID(int=chance.getrandbits(128), version=4),
            email=f"c{chance.getrandbits(40):010x}.{number}@{chance.choice(_DOMAINS)}",
            full_name=f"{first} {last} {chance.getrandbits(20):05x}",
            status=0 if chance.random() < 0.02 else 1,
            group_name=GROUPS[0] if chance.random() < 0.9 else chance.choice(GROUPS[1:]),
            password_hash=_hash(chance),
            created_at=_NEWEST - timedelta(seconds=(count - number) * 61, microseconds=chance.randrange(1_000_000)),
        )


def _hash(chance: random.Random) -> str:
    characters = chance.choices(_HASH_CHARACTERS, k=53)
    characters[21] = chance.choice(".Oeu")  # the end of the salt; others bcrypt takes for none
    return "$2b$12$" + "".join(characters)


def fill(conninfo: str, count: int) -> None:
    """Put so many customers into a database that has the schema and no customers, by COPY, and have it analyzed.

    The indexes for searching are made when all rows are there, which is quicker than keeping them up.
    """
    with psycopg.connect(conninfo, autocommit=True) as conn:
        for (index,) in conn.execute(_SEARCHED_BY).fetchall():
            conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
        for name in GROUPS[1:]:
            conn.execute("INSERT INTO customer_group (group_name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
        groups: dict[str, int] = dict(
            conn.execute("SELECT group_name, customer_group_id FROM customer_group").fetchall()
        )
        with (
            conn.cursor() as cursor,
            cursor.copy(
                "COPY customer (uuid, email, full_name, status, group_id, password, created_at, updated_at) FROM STDIN"
            ) as copy,
        ):
            for made in customers(count):
                copy.write_row(
                    (
                        made.uuid, made.email, made.full_name, made.status, groups[made.group_name],
                        made.password_hash, made.created_at, made.created_at,
                    )
                )  # fmt: skip
        with conn.transaction():
            conn.execute(migrate.FILE.read_bytes())  # makes the indexes that are missing
        conn.execute("VACUUM ANALYZE customer")
