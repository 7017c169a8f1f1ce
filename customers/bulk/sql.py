"""The statements of an import: from the staged rows of a batch to where they belong."""

from typing import Any

from sqlalchemy import Connection, Row, text

from customers.groups.sql import DEFAULT

COPY = """
    COPY customer (uuid, email, full_name, status, group_id, password, created_at, updated_at, meta_data) FROM STDIN
"""


def copy(conn: Connection, lines: bytes) -> int:
    """Copy customers, lines in PostgreSQL's text format, who are not there; return how many. Raises UniqueViolation."""
    driver: Any = conn.connection.dbapi_connection
    with driver.cursor() as cursor:
        with cursor.copy(COPY) as stream:
            stream.write(lines)
        added: int = cursor.rowcount
        return added


# A look for the address first, because ON CONFLICT would take a number of the identity for every row that it skips, and
# looks into every unique index for every row that it does not. What comes in between violates a constraint, and the
# batch is tried again.
INSERT = text("""
    INSERT INTO customer (uuid, email, full_name, status, group_id, password, created_at, updated_at, meta_data)
    SELECT uuid, email, full_name, coalesce(status, 1), coalesce(group_id, :group_id), coalesce(password, :unusable),
           nullif(coalesce(created_at, now()), '-infinity'), nullif(coalesce(updated_at, now()), '-infinity'),
           coalesce(meta_data, '{}')
      FROM staged
     WHERE NOT EXISTS (
           SELECT
             FROM customer
            WHERE lower(customer.email) = lower(staged.email))
     ORDER BY line
""")


def insert(conn: Connection, unusable: str) -> int:
    """Insert the customers who are not there; return how many."""
    return conn.execute(INSERT, {"unusable": unusable, "group_id": DEFAULT}).rowcount


# Of those whom this transaction has inserted, which their xmin tells: a uuid may also be that of one who was there.
INSERT_ADDRESSES = text("""
    INSERT INTO customer_address (uuid, customer_id, full_name, telephone, address_1, address_2, city, province,
                                  country, postcode, is_default, created_at, updated_at)
    SELECT staged_address.uuid, customer.customer_id, staged_address.full_name, telephone, address_1, address_2, city,
           province, country, postcode, is_default,
           nullif(coalesce(staged_address.created_at, now()), '-infinity'),
           nullif(coalesce(staged_address.updated_at, now()), '-infinity')
      FROM staged_address
      JOIN staged
        ON staged.line = staged_address.line
      JOIN customer
        ON customer.uuid = staged.uuid
     WHERE staged.customer_id IS NULL
       AND customer.xmin = CAST(pg_current_xact_id() AS xid)
     ORDER BY staged_address.line, position
""")


def insert_addresses(conn: Connection) -> None:
    """Insert the addresses of the customers just inserted."""
    conn.execute(INSERT_ADDRESSES)


MATCH = text("""
    UPDATE staged
       SET customer_id = customer.customer_id
      FROM customer
     WHERE lower(customer.email) = lower(staged.email)
""")


def match(conn: Connection) -> None:
    """Find the customers who are there."""
    conn.execute(MATCH)


# By ascending id, so that two who lock many at once wait for each other in turn. What is compared and written after it
# is what stands then.
LOCK = text("""
    SELECT count(*)
      FROM (SELECT
              FROM customer
             WHERE customer_id = ANY(ARRAY(SELECT customer_id FROM staged WHERE customer_id IS NOT NULL))
             ORDER BY customer_id
               FOR UPDATE) AS locked
""")


def lock(conn: Connection) -> None:
    """Have whoever else would change the customers who are there wait for this transaction."""
    conn.execute(LOCK)


# What a row does not say stays.
COMPARE = text("""
    UPDATE staged
       SET full_name = wanted.full_name,
           status = wanted.status,
           group_id = wanted.group_id,
           password = wanted.password,
           created_at = wanted.created_at,
           meta_data = wanted.meta_data,
           changed = (customer.email, customer.full_name, customer.status, customer.group_id, customer.password,
                      customer.created_at, customer.meta_data)
                     IS DISTINCT FROM
                     (wanted.email, wanted.full_name, wanted.status, wanted.group_id, wanted.password,
                      wanted.created_at, wanted.meta_data),
           ends = customer.password <> wanted.password OR customer.status <> 0 AND wanted.status = 0,
           readdress = readdress
               AND ARRAY(SELECT CAST(ROW(full_name, telephone, address_1, address_2, city, province, country, postcode,
                                    coalesce(is_default, false)) AS text)
                           FROM customer_address
                          WHERE customer_address.customer_id = customer.customer_id
                          ORDER BY customer_address_id)
                   <>
                   ARRAY(SELECT CAST(ROW(full_name, telephone, address_1, address_2, city, province, country, postcode,
                                    is_default) AS text)
                           FROM staged_address
                          WHERE staged_address.line = staged.line
                          ORDER BY position)
      FROM customer
      JOIN (SELECT line, customer_id, row.email,
                   coalesce(row.full_name, customer.full_name) AS full_name,
                   coalesce(row.status, customer.status) AS status,
                   coalesce(row.group_id, customer.group_id) AS group_id,
                   coalesce(row.password, customer.password) AS password,
                   coalesce(nullif(row.created_at, '-infinity'), customer.created_at) AS created_at,
                   coalesce(row.meta_data, customer.meta_data) AS meta_data
              FROM staged AS row
              JOIN customer
             USING (customer_id)) AS wanted
        ON wanted.customer_id = customer.customer_id
     WHERE staged.line = wanted.line
""")


def compare(conn: Connection) -> None:
    """Find out what would change of the customers who are there."""
    conn.execute(COMPARE)


COUNT = text("""
    SELECT count(*) FILTER (WHERE customer_id IS NULL) AS added,
           count(*) FILTER (WHERE customer_id IS NOT NULL AND (changed OR readdress)) AS updated,
           count(*) FILTER (WHERE customer_id IS NOT NULL AND NOT changed AND NOT readdress) AS skipped
      FROM staged
""")


def count(conn: Connection) -> Row[Any]:
    """Return how many rows are to be added, to be updated, and neither."""
    return conn.execute(COUNT).one()


UPDATE = text("""
    UPDATE customer
       SET email = staged.email,
           full_name = staged.full_name,
           status = staged.status,
           group_id = staged.group_id,
           password = staged.password,
           created_at = staged.created_at,
           meta_data = staged.meta_data,
           updated_at = now()
      FROM staged
     WHERE customer.customer_id = staged.customer_id
       AND staged.changed
""")

END_SESSIONS = text("""
    DELETE FROM login_session
     USING staged
     WHERE login_session.customer_id = staged.customer_id
       AND staged.ends
""")

FORGET_RESETS = text("""
    DELETE FROM reset_password_token
     USING staged
     WHERE reset_password_token.customer_id = staged.customer_id
       AND staged.ends
""")

DELETE_ADDRESSES = text("""
    DELETE FROM customer_address
     USING staged
     WHERE customer_address.customer_id = staged.customer_id
       AND staged.readdress
""")

REPLACE_ADDRESSES = text("""
    INSERT INTO customer_address (uuid, customer_id, full_name, telephone, address_1, address_2, city, province,
                                  country, postcode, is_default, created_at, updated_at)
    SELECT staged_address.uuid, staged.customer_id, staged_address.full_name, telephone, address_1, address_2,
           city, province, country, postcode, is_default,
           nullif(coalesce(staged_address.created_at, now()), '-infinity'),
           nullif(coalesce(staged_address.updated_at, now()), '-infinity')
      FROM staged_address
      JOIN staged
        ON staged.line = staged_address.line
     WHERE staged.customer_id IS NOT NULL
       AND staged.readdress
     ORDER BY staged_address.line, position
""")


def update(conn: Connection) -> None:
    """Write what was found to change, and end the sessions and resets of those with a new password, or disabled."""
    for statement in (UPDATE, END_SESSIONS, FORGET_RESETS, DELETE_ADDRESSES, REPLACE_ADDRESSES):
        conn.execute(statement)
