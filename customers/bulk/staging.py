"""Where the rows of an import wait: temporary tables, which they are copied into, and refused from.

Each statement reads the staged rows of one batch, in one transaction; a staged table empties itself at its end.
Addresses are compared as everywhere, by lower(email).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

# Every join has an index to follow. The others, which the planner prefers where much is joined, would read the whole
# table of customers for every batch.
PREPARE = (
    text("SET enable_hashjoin = off"),
    text("SET enable_mergejoin = off"),
    text("""
    CREATE TEMPORARY TABLE staged (
        line        int PRIMARY KEY,
        uuid        uuid NOT NULL,
        email       varchar NOT NULL,
        full_name   varchar,
        status      smallint,
        group_id    int,
        password    varchar,
        created_at  timestamptz,
        updated_at  timestamptz,
        meta_data   jsonb,
        readdress   boolean NOT NULL,   -- whether the row names addresses; once compared, whether they are others
        customer_id int,                -- of the customer who is there
        changed     boolean NOT NULL DEFAULT false,
        ends        boolean NOT NULL DEFAULT false      -- the customer's sessions
    ) ON COMMIT DELETE ROWS
"""),
    text("""
    CREATE TEMPORARY TABLE staged_address (
        line        int NOT NULL,
        position    int NOT NULL,
        uuid        uuid NOT NULL,
        full_name   varchar,
        telephone   varchar,
        address_1   varchar,
        address_2   varchar,
        city        varchar,
        province    varchar,
        country     varchar NOT NULL,
        postcode    varchar,
        is_default  boolean NOT NULL,
        created_at  timestamptz,
        updated_at  timestamptz,
        PRIMARY KEY (line, position)
    ) ON COMMIT DELETE ROWS
"""),
    # What the batches before have named, where it matters that a file names something twice.
    text("CREATE TEMPORARY TABLE seen (name varchar PRIMARY KEY)"),
)


def prepare(conn: Connection) -> None:
    """Make the temporary tables of this connection."""
    for statement in PREPARE:
        conn.execute(statement)


COPY = """
    COPY staged (uuid, email, full_name, status, group_id, password, created_at, updated_at, meta_data, line, readdress)
    FROM STDIN
"""
COPY_ADDRESSES = "COPY staged_address FROM STDIN"


def stage(conn: Connection, customers: bytes, addresses: bytes) -> None:
    """Copy a batch, lines in PostgreSQL's text format, into the temporary tables."""
    driver: Any = conn.connection.dbapi_connection
    with driver.cursor() as cursor:
        for statement, lines in ((COPY, customers), (COPY_ADDRESSES, addresses)):
            if lines:
                with cursor.copy(statement) as copy:
                    copy.write(lines)


REFUSE_TWICE = text("""
      WITH new AS (
           INSERT INTO seen (name)
           SELECT lower(email)
             FROM staged
               ON CONFLICT DO NOTHING
           RETURNING name)
    DELETE FROM staged
     WHERE lower(email) NOT IN (SELECT name FROM new)
    RETURNING line
""")

REFUSE_TAKEN = text("""
    DELETE FROM staged
     USING customer
     WHERE customer.uuid = staged.uuid
       AND lower(customer.email) <> lower(staged.email)
    RETURNING line
""")

REFUSE_TAKEN_ADDRESS = text("""
    DELETE FROM staged
     USING staged_address
      JOIN customer_address
        ON customer_address.uuid = staged_address.uuid
      JOIN customer
        ON customer.customer_id = customer_address.customer_id
     WHERE staged_address.line = staged.line
       AND lower(customer.email) <> lower(staged.email)
    RETURNING staged.line
""")

REFUSE_NAMELESS = text("""
    DELETE FROM staged
     WHERE customer_id IS NULL
       AND full_name IS NULL
    RETURNING line
""")

REFUSE_WITHOUT_HASH = text("""
    DELETE FROM staged
     WHERE customer_id IS NULL
       AND password IS NULL
    RETURNING line
""")


# A dry run has not written the batches before, where REFUSE_TAKEN would find them.
REFUSE_NAMED_BEFORE = text("""
      WITH new AS (
           INSERT INTO seen (name)
           SELECT CAST(uuid AS text)
             FROM staged
            WHERE customer_id IS NULL
            UNION ALL
           SELECT 'address ' || staged_address.uuid
             FROM staged_address
             JOIN staged
               ON staged.line = staged_address.line
            WHERE customer_id IS NULL
               ON CONFLICT DO NOTHING
           RETURNING name)
    DELETE FROM staged
     WHERE customer_id IS NULL
       AND (CAST(uuid AS text) NOT IN (SELECT name FROM new)
            OR line IN (SELECT line
                          FROM staged_address
                         WHERE 'address ' || uuid NOT IN (SELECT name FROM new)))
    RETURNING line
""")


def refuse_twice(conn: Connection) -> Sequence[int]:
    """Take out the rows whose address stood in a batch before; return their lines, as the functions below do."""
    return conn.execute(REFUSE_TWICE).scalars().all()


def refuse_taken(conn: Connection) -> Sequence[int]:
    """Take out the rows whose uuid is that of a customer with another address."""
    return conn.execute(REFUSE_TAKEN).scalars().all()


def refuse_taken_address(conn: Connection) -> Sequence[int]:
    """Take out the rows with an address whose uuid is that of another customer's."""
    return conn.execute(REFUSE_TAKEN_ADDRESS).scalars().all()


def refuse_named_before(conn: Connection) -> Sequence[int]:
    """Take out the rows of new customers with a uuid that a row of a batch before has."""
    return conn.execute(REFUSE_NAMED_BEFORE).scalars().all()


def refuse_nameless(conn: Connection) -> Sequence[int]:
    """Take out the rows of new customers without a name."""
    return conn.execute(REFUSE_NAMELESS).scalars().all()


def refuse_without_hash(conn: Connection) -> Sequence[int]:
    """Take out the rows of new customers without a password."""
    return conn.execute(REFUSE_WITHOUT_HASH).scalars().all()
