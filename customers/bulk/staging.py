"""The statements of an import: rows are copied into a temporary table, judged there, and written from there.

Each batch is one transaction, at whose end the table is empty again. What the database holds is looked up for each row
by a subquery: a join could read the whole table of customers for every batch.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from customers.db.engine import driver
from customers.features.groups.sql import DEFAULT
from customers.security.hashing import UNUSABLE

# Null is what a row does not say; '-infinity' is a time that it says to be unknown (rows.UNKNOWN).
CREATE_STAGED = text("""
    CREATE TEMPORARY TABLE staged (
        line int, uuid uuid, email varchar NOT NULL, full_name varchar, status smallint, group_id int,
        password_hash varchar, created_at timestamptz, updated_at timestamptz, meta_data jsonb, addresses jsonb,
        uuids       text[] NOT NULL,    -- that of the customer, and those of the addresses
        folded      varchar NOT NULL GENERATED ALWAYS AS (customers_fold(email)) STORED,
        -- What is found out:
        customer_id int,                -- of the customer who is there
        changed     boolean,            -- whether the columns say something new of that customer
        readdress   boolean,            -- whether the addresses do
        fate        varchar             -- added, updated, skipped, or why the row is rejected
    ) ON COMMIT DELETE ROWS
""")
# What a row brings: its keys in rows.py, and here the columns. A plain password is not among them.
COPIED = ("line", "uuid", "email", "full_name", "status", "group_id", "password_hash", "created_at", "updated_at",
          "meta_data", "addresses", "uuids")  # fmt: skip
COPY = f"COPY staged ({', '.join(COPIED)}) FROM STDIN"

# Which line was the first to name an e-mail or a uuid. Kept beyond a batch where the tables of customers cannot tell: a
# dry run writes nothing there, and an update must not write one customer twice.
CREATE_SEEN = 'CREATE TEMPORARY TABLE seen (name text COLLATE "C" PRIMARY KEY, line int NOT NULL) ON COMMIT {} ROWS'


def prepare(conn: Connection, *, remember: bool) -> None:
    """Make the temporary tables of this connection; ``remember`` what earlier batches have named."""
    conn.execute(CREATE_STAGED)
    conn.execute(text(CREATE_SEEN.format("PRESERVE" if remember else "DELETE")))


FIND_PASSWORDS = text("""
    SELECT place, (SELECT password FROM customer WHERE customers_fold(customer.email) = customers_fold(given.email))
      FROM unnest(CAST(:emails AS text[])) WITH ORDINALITY AS given (email, place)
""")


def find_passwords(conn: Connection, emails: Sequence[str]) -> Mapping[int, str]:
    """Return the stored hashes of those e-mails that are there, by their places from 0. Feeds no answer."""
    found = conn.execute(FIND_PASSWORDS, {"emails": emails})
    return {place - 1: password for place, password in found if password is not None}


FIND_GROUPS = text("""
    SELECT given.name, customers_fold(given.name) AS folded, customer_group.customer_group_id
      FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS given (name, place)
      LEFT JOIN customer_group
        ON customers_fold(customer_group.group_name) = customers_fold(given.name)
     ORDER BY given.place
""")


def find_groups(conn: Connection, names: Sequence[str]) -> Sequence[Row[Any]]:
    """Return these names of groups, each with what it is compared by, and the group's id if it is there."""
    return conn.execute(FIND_GROUPS, {"names": names}).all()


def stage(conn: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Copy rows into the temporary table."""
    with driver(conn).cursor() as cursor, cursor.copy(COPY) as copy:
        for row in rows:
            copy.write_row([row.get(name) for name in COPIED])


# By ascending id, so that two who lock many at once wait for each other in turn.
LOCK = text("""
    SELECT customer_id
      FROM customer
     WHERE customers_fold(email) = ANY(ARRAY(SELECT folded FROM staged))
     ORDER BY customer_id
       FOR UPDATE
""")

# An address is compared without its uuid and times.
JUDGE = text("""
    UPDATE staged
       SET (customer_id, changed, readdress, fate) = (
           SELECT found.customer_id, found.changed, found.readdress, CASE
                  WHEN EXISTS (
                       SELECT
                         FROM (SELECT uuid, customer_id FROM customer
                                UNION ALL
                               SELECT uuid, customer_id FROM customer_address) AS other
                        WHERE other.uuid = ANY(CAST(staged.uuids AS uuid[]))
                          AND other.customer_id IS DISTINCT FROM found.customer_id)
                  THEN 'uuid: Belongs to another customer, or that of an address does.'
                  WHEN found.customer_id IS NULL AND staged.full_name IS NULL AND NOT :lenient
                  THEN 'full_name: Is missing.'
                  WHEN found.customer_id IS NULL AND staged.password_hash IS NULL AND NOT :without_passwords
                  THEN 'password: Is missing, and so is password_hash.'
                  WHEN found.customer_id IS NULL THEN 'added'
                  WHEN :update AND (found.changed OR found.readdress) THEN 'updated'
                  ELSE 'skipped' END
             FROM (VALUES (1)) AS always
             LEFT JOIN (
                  SELECT customer_id,
                         (email, full_name, status, coalesce(group_id, :default_group), password, created_at, meta_data)
                         IS DISTINCT FROM
                         (staged.email, coalesce(staged.full_name, full_name), coalesce(staged.status, status),
                          coalesce(staged.group_id, group_id, :default_group),
                          coalesce(staged.password_hash, password),
                          coalesce(nullif(staged.created_at, '-infinity'), created_at),
                          coalesce(staged.meta_data, meta_data)) AS changed,
                         staged.addresses IS NOT NULL AND (
                             SELECT jsonb_agg(address - CAST('{uuid,created_at,updated_at}' AS text[]) ORDER BY place)
                               FROM jsonb_array_elements(staged.addresses) WITH ORDINALITY AS listed (address, place))
                         IS DISTINCT FROM (
                             SELECT jsonb_agg(jsonb_build_object(
                                        'full_name', full_name, 'telephone', telephone, 'address_1', address_1,
                                        'address_2', address_2, 'city', city, 'province', province, 'country', country,
                                        'postcode', postcode, 'is_default', coalesce(is_default, false))
                                    ORDER BY customer_address_id)
                               FROM customer_address
                              WHERE customer_address.customer_id = customer.customer_id) AS readdress
                    FROM customer
                   WHERE customers_fold(email) = staged.folded) AS found
               ON true)
""")

SEE = text("""
    INSERT INTO seen (name, line)
    SELECT DISTINCT ON (name) name, line
      FROM staged, unnest(folded || uuids) AS name
     WHERE fate IN ('added', 'updated', 'skipped')
     ORDER BY name, line
        ON CONFLICT DO NOTHING
""")

# A row that is rejected for its uuid has named no e-mail: a later one of the same is judged by itself. With count(*),
# since EXISTS becomes a join that reads all of `seen` for each row.
REJECT_REPEATED_UUID = text("""
    UPDATE staged
       SET fate = 'uuid: Used on an earlier line.'
     WHERE fate IN ('added', 'updated', 'skipped')
       AND line = (SELECT seen.line FROM seen WHERE seen.name = staged.folded)
       AND (SELECT count(*) FROM seen WHERE seen.name = ANY(staged.uuids) AND seen.line <> staged.line) > 0
""")

FORGET_REJECTED = text("""
    DELETE FROM seen
     USING staged
     WHERE seen.line = staged.line
       AND staged.fate = 'uuid: Used on an earlier line.'
""")

JUDGE_REPEATED = text("""
    UPDATE staged
       SET fate = CASE
           WHEN line = (SELECT seen.line FROM seen WHERE seen.name = staged.folded)
           THEN 'uuid: Used on an earlier line.'
           WHEN :update THEN 'email: Used on an earlier line.'
           ELSE 'skipped' END
     WHERE fate IN ('added', 'updated', 'skipped')
       AND EXISTS (SELECT FROM seen WHERE seen.name = ANY(staged.folded || staged.uuids) AND seen.line <> staged.line)
""")


def judge(conn: Connection, options: Mapping[str, bool]) -> Sequence[Row[Any]]:
    """Compare the rows with who is there, and return each line with what is to become of it."""
    if options["update"] and not options["dry_run"]:
        conn.execute(LOCK)
    conn.execute(JUDGE, {**options, "default_group": DEFAULT})
    conn.execute(SEE)
    if conn.execute(REJECT_REPEATED_UUID).rowcount:
        conn.execute(FORGET_REJECTED)
        conn.execute(SEE)
    conn.execute(JUDGE_REPEATED, options)
    return conn.execute(text("SELECT line, fate FROM staged")).all()


# Without ON CONFLICT, which would take a number of the identity for every row that it skips. Whoever registers after
# the judgement violates a constraint, and the batch is tried again.
INSERT = text("""
    INSERT INTO customer (uuid, email, full_name, status, group_id, password, created_at, updated_at, meta_data)
    SELECT coalesce(uuid, gen_random_uuid()), email, full_name, coalesce(status, 1), coalesce(group_id, :default_group),
           coalesce(password_hash, :unusable), nullif(coalesce(created_at, now()), '-infinity'),
           nullif(coalesce(updated_at, now()), '-infinity'), coalesce(meta_data, '{}')
      FROM staged
     WHERE fate = 'added'
     ORDER BY line
""")

END_SESSIONS = text("""
    DELETE FROM login_session
     USING customer, staged
     WHERE login_session.customer_id = customer.customer_id
       AND customer.customer_id = staged.customer_id
       AND staged.fate = 'updated'
       AND (customer.password <> staged.password_hash OR (customer.status <> 0 AND staged.status = 0))
""")

UPDATE = text("""
    UPDATE customer
       SET (email, full_name, status, group_id, password, created_at, meta_data, updated_at) =
           (staged.email, coalesce(staged.full_name, customer.full_name), coalesce(staged.status, customer.status),
            coalesce(staged.group_id, customer.group_id), coalesce(staged.password_hash, customer.password),
            coalesce(nullif(staged.created_at, '-infinity'), customer.created_at),
            coalesce(staged.meta_data, customer.meta_data), now())
      FROM staged
     WHERE customer.customer_id = staged.customer_id
       AND staged.fate = 'updated'
       AND staged.changed
""")

DELETE_ADDRESSES = text("""
    DELETE FROM customer_address
     USING staged
     WHERE customer_address.customer_id = staged.customer_id
       AND staged.fate = 'updated'
       AND staged.readdress
""")

INSERT_ADDRESSES = text("""
    INSERT INTO customer_address (uuid, customer_id, full_name, telephone, address_1, address_2, city, province,
                                  country, postcode, is_default, created_at, updated_at)
    SELECT coalesce(address.uuid, gen_random_uuid()),
           (SELECT customer.customer_id FROM customer WHERE customers_fold(customer.email) = staged.folded),
           address.full_name, address.telephone, address.address_1, address.address_2, address.city, address.province,
           address.country, address.postcode, address.is_default,
           nullif(coalesce(address.created_at, now()), '-infinity'),
           nullif(coalesce(address.updated_at, now()), '-infinity')
      FROM staged
     CROSS JOIN jsonb_populate_recordset(CAST(NULL AS customer_address), staged.addresses)
      WITH ORDINALITY AS address
     WHERE staged.fate = 'added'
        OR (staged.fate = 'updated' AND staged.readdress)
     ORDER BY staged.line, address.ordinality
""")


ANALYZE = text("ANALYZE customer, customer_address")


def write(conn: Connection) -> None:
    """Add and update customers as judged; a new password, or status 0, ends the sessions."""
    conn.execute(INSERT, {"default_group": DEFAULT, "unusable": UNUSABLE})
    for statement in (END_SESSIONS, UPDATE, DELETE_ADDRESSES, INSERT_ADDRESSES):
        conn.execute(statement)
