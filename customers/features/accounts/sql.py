"""The statements on customers."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.errors import NotNullViolation
from sqlalchemy import Connection, Row, TextClause, text

from customers.config import Settings
from customers.db.constraints import constraints
from customers.db.documents import Document
from customers.db.engine import Database, Fetch
from customers.errors import EmailTaken, InvalidInput, found
from customers.evershop import sql as evershop
from customers.security import sessions, trail
from customers.security.authorization import ME, Whose
from customers.security.callers import Actor, Caller, Claim
from customers.security.trail import Event

# Case-sensitive as EverShop made it, and ours on customers_fold(email).
_EMAIL_CONSTRAINTS = {"EMAIL_UNIQUE": EmailTaken, "customer_email_key": EmailTaken}


def _unknown_group() -> InvalidInput:
    return InvalidInput(errors={"group_id": ["There is no group of this id."]})


_GROUP_CONSTRAINT = {"FK_CUSTOMER_GROUP": _unknown_group}

# A customer as it is answered.
CUSTOMER = """customer.customer_id, customer.uuid, customer.status, customer.group_id, customer.email,
              customer.full_name, customers_time(customer.created_at) AS created_at,
              customers_time(customer.updated_at) AS updated_at"""

# The version of what is answered of a customer, the addresses included. It changes with every write of these rows,
# whoever writes them: `xmin` is the transaction that wrote a row. That may have written several customers, and `me`
# stands for each. That of _DOCUMENT must be the same text, and so must, without addresses, that of _insert().
VERSION = """md5(concat(customer.customer_id, '-', customer.xmin, '-', (
                  SELECT string_agg(concat(customer_address_id, '-', customer_address.xmin), ','
                                    ORDER BY coalesce(is_default, false) DESC, customer_address_id)
                    FROM customer_address
                   WHERE customer_address.customer_id = customer.customer_id)))"""

# The row as the JSON that is answered.
_BODY = f"(SELECT CAST(row_to_json(answer) AS text) FROM (SELECT {CUSTOMER}) AS answer) AS body"


def _insert(news: str = "", tell: str = "") -> TextClause:
    """Return a statement that inserts a customer and records it in the trail.

    Either unique constraint on the e-mail makes it return no row. Who registers as inactive waits to be confirmed.
    """
    actor = "CAST(:actor_kind AS varchar), CAST(:actor_uuid AS uuid)"
    return text(f"""
      WITH created AS (
           INSERT INTO customer (uuid, status, group_id, email, password, full_name)
           VALUES (:uuid, :status, :group_id, :email, :password, :full_name)
               ON CONFLICT DO NOTHING
           RETURNING customer_id, uuid, status, md5(concat(customer_id, '-', xmin, '-')) AS version,
                     {_BODY} {news}),
           pending AS (
           INSERT INTO pending_customer (customer_id)
           SELECT customer_id
             FROM created
            WHERE status = 0
              AND CAST(:event AS varchar) = 'customer_registered'), {tell}
           recorded AS (
           {trail.recording(":event", actor, "customer", "CAST('{}' AS jsonb)", "created")})
    SELECT body, version
      FROM created
""")


INSERT = _insert()
INSERT_AND_TELL_EVERSHOP = _insert(f", {evershop.NEWS}", f"told AS ({evershop.TELL}),")


def insert(fetch: Fetch, event: Event, actor: Actor, new: Mapping[str, Any], *, tell_evershop: bool) -> Document:
    """Insert a customer, record that in the trail, and return the account.

    ``new`` has a value for uuid, status, group_id, email, password (a hash) and full_name. Raises EmailTaken,
    and InvalidInput for an unknown group.
    """
    values = {**new, "event": event, "actor_kind": actor.kind, "actor_uuid": actor.uuid, **actor.origin._asdict()}
    with constraints(_GROUP_CONSTRAINT):
        return Document(*found(fetch(INSERT_AND_TELL_EVERSHOP if tell_evershop else INSERT, values), EmailTaken))


END_PENDING = text("""
    DELETE FROM pending_customer
     WHERE customer_id = :customer_id
""")


def end_pending(conn: Connection, customer_id: int) -> None:
    """End an account's wait for confirmation: an admin has set its status. A trigger does where the status changes."""
    conn.execute(END_PENDING, {"customer_id": customer_id})


# A customer with the addresses as it is answered, the default first, then the oldest first; and the version of that.
_DOCUMENT = f"""(SELECT CAST(row_to_json(answer) AS text)
              FROM (SELECT {CUSTOMER},
                           coalesce(address.list, '[]') AS addresses) AS answer) AS body,
           md5(concat(customer.customer_id, '-', customer.xmin, '-', address.versions)) AS version"""
_ADDRESSES = """LEFT JOIN LATERAL (
           SELECT json_agg((SELECT answer
                              FROM (SELECT customer_address_id, uuid, full_name, telephone, address_1, address_2, city,
                                           province, country, postcode, is_default) AS answer)) AS list,
                  string_agg(concat(customer_address_id, '-', written_by), ',') AS versions
             FROM (SELECT customer_address_id, uuid, full_name, telephone, address_1, address_2, city, province,
                          country, postcode, coalesce(is_default, false) AS is_default,
                          customer_address.xmin AS written_by
                     FROM customer_address
                    WHERE customer_address.customer_id = customer.customer_id
                    ORDER BY coalesce(is_default, false) DESC, customer_address_id) AS ordered) AS address
        ON true"""

# The customer who is calling.
READ_OWN = text(f"""
    SELECT {sessions.CUSTOMER}, {_DOCUMENT}
      FROM {sessions.CUSTOMER_SESSION}
      {_ADDRESSES}
""")

# Who is calling, and the customer of a uuid, where that is the caller or an admin asks.
READ = text(f"""
    SELECT {sessions.ANYONE}, document.body, document.version
      FROM {sessions.ANY_SESSION}
      LEFT JOIN LATERAL (
           SELECT {_DOCUMENT}
             FROM customer
             {_ADDRESSES}
            WHERE customer.uuid = :uuid
              AND (customer.customer_id = own.customer_id OR admin_user.admin_user_id IS NOT NULL)) AS document
        ON true
     WHERE {sessions.IS_ANYONE}
""")


def read(db: Database, settings: Settings, claim: Claim, whose: Whose) -> tuple[Caller, Document | None]:
    """Return who is calling, and the customer with the addresses; None if there is no such one for this caller.

    Raises NotAuthenticated for a header that names no session.
    """
    values = {"customer_digest": claim.customer_digest, "recent_login": settings.recent_login, "uuid": whose}
    digests = [claim.customer_digest] if whose == ME else claim.digests
    for digest in digests:
        row = db.one_or_none(READ_OWN if whose == ME else READ, {**values, "digest": digest})
        if row is not None:
            *account, body, version = row
            return sessions.know(db, settings, claim, digest, account), body and Document(body, version)
    return sessions.identify(db, settings, claim), None


FIND = text(f"""
    SELECT {_BODY}, {VERSION} AS version, updated_at = created_at AS unchanged
      FROM customer
     WHERE uuid = :uuid
""")


def find(fetch: Fetch, uuid: UUID) -> tuple[Document, bool] | None:
    """Return a customer without the addresses, and whether the row is still as it was created; or None."""
    row = fetch(FIND, {"uuid": uuid})
    return None if row is None else (Document(*row[:2]), row[2])


def _rename_own(condition: str = "") -> TextClause:
    """Return a statement that finds whose session it is, renames that customer, and records it in the trail.

    Once the UPDATE has locked the customer, the session is looked for again: FOR KEY SHARE does not find one that
    another transaction has just ended. Then `event` is null, which audit_log's NOT NULL refuses, and PostgreSQL rolls
    the whole statement back; rename_own() catches that.
    """
    details = """CASE WHEN differs THEN CAST('{"fields": ["full_name"]}' AS jsonb)
                       ELSE CAST('{"fields": []}' AS jsonb) END"""
    return text(f"""
      WITH changed AS (
           UPDATE customer
              SET full_name = :full_name,
                  updated_at = now()
             FROM (SELECT {sessions.CUSTOMER}, customer.full_name
                     FROM {sessions.CUSTOMER_SESSION}) AS own
            WHERE customer.customer_id = own.customer_id
              AND customer.status = 1
              AND customer.uuid = coalesce(CAST(:uuid AS uuid), customer.uuid) {condition}
           RETURNING own.is_admin, own.customer_id, own.uuid, own.email, own.group_id, own.recent, own.unseen,
                     {_BODY}, {VERSION} AS version,
                     customer.full_name IS DISTINCT FROM own.full_name AS differs),
           alive AS (
           SELECT 'customer_updated' AS event
             FROM login_session
            WHERE digest = :customer_digest
              AND EXISTS (SELECT FROM changed)
              FOR KEY SHARE),
           recorded AS (
           {trail.recording("event", "'customer', uuid", "customer", details, "changed LEFT JOIN alive ON true")})
    SELECT is_admin, customer_id, uuid, email, group_id, recent, unseen, body, version, differs
      FROM changed
""")


RENAME_OWN = _rename_own()
RENAME_OWN_IF_MATCH = _rename_own(f"AND {VERSION} = ANY(CAST(:versions AS text[]))")


def rename_own(
    db: Database, settings: Settings, claim: Claim, whose: Whose, full_name: str, versions: Sequence[str] | None
) -> tuple[Caller, Document, bool] | None:
    """Give a customer who is signed in a new name; return who that is, the account, and whether its name was another.

    None, and nothing is done, if the claim is not that customer's, or If-Match does not match.
    """
    values = {
        "customer_digest": claim.customer_digest,
        "recent_login": settings.recent_login,
        "uuid": None if whose == ME else whose,
        "full_name": full_name,
        "versions": versions,
        **claim.origin._asdict(),
    }
    try:
        row = db.one_or_none(RENAME_OWN if versions is None else RENAME_OWN_IF_MATCH, values)
    except NotNullViolation:  # the session has ended meanwhile
        return None
    if row is None:
        return None
    *account, body, version, differs = row
    caller = sessions.know(db, settings, claim, claim.customer_digest, account)
    return caller, Document(body, version), differs


# None means "as it is": no column here may become null.
UPDATE = text(f"""
    UPDATE customer
       SET status = coalesce(:status, status),
           email = coalesce(:email, email),
           password = coalesce(:password, password),
           full_name = coalesce(:full_name, full_name),
           group_id = coalesce(:group_id, group_id),
           updated_at = now()
     WHERE uuid = :uuid
       AND (CAST(:versions AS text[]) IS NULL OR {VERSION} = ANY(CAST(:versions AS text[])))
    RETURNING {CUSTOMER}, {VERSION} AS version
""")


def update(
    conn: Connection, uuid: UUID, values: Mapping[str, Any], versions: Sequence[str] | None = None
) -> Row[Any] | None:
    """Change what ``values`` names (``password`` is a hash) and return the row.

    None if the row is missing or If-Match does not match. Raises EmailTaken, and InvalidInput for
    an unknown group.
    """
    unchanged = dict.fromkeys(("status", "email", "password", "full_name", "group_id"))
    with constraints({**_EMAIL_CONSTRAINTS, **_GROUP_CONSTRAINT}):
        return conn.execute(UPDATE, {**unchanged, **values, "uuid": uuid, "versions": versions}).one_or_none()


LOCK = text("""
    SELECT customer_id, status, group_id, email, full_name
      FROM customer
     WHERE uuid = :uuid
       FOR UPDATE
""")


def lock(conn: Connection, uuid: UUID) -> Row[Any] | None:
    """Have other writers of a customer wait for this transaction; return the row as it is, or None."""
    return conn.execute(LOCK, {"uuid": uuid}).one_or_none()


# Addresses, sessions and reset tokens go with it, by their foreign keys.
DELETE = text(f"""
    DELETE FROM customer
     WHERE uuid = :uuid
       AND (CAST(:versions AS text[]) IS NULL OR {VERSION} = ANY(CAST(:versions AS text[])))
    RETURNING {CUSTOMER}
""")


def delete(conn: Connection, uuid: UUID, versions: Sequence[str] | None = None) -> Row[Any] | None:
    """Delete the customer and return the row as it was; None if it is missing or If-Match does not match."""
    return conn.execute(DELETE, {"uuid": uuid, "versions": versions}).one_or_none()
