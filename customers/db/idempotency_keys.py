"""Idempotency keys: which request created what, for 24 hours.

A key is claimed in the transaction that creates: of two requests with one key at once the second waits for the first.
"""

import hmac
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from customers.errors import IdempotencyKeyReused


class Key(NamedTuple):
    """A request's key. Only digests are stored: a key may be a secret, and a body may hold a password."""

    digest: bytes  # of the caller and the key
    request_digest: bytes  # of route, arguments and body; keyed with the secret key


FIND = text("""
    SELECT request_digest, created_uuid
      FROM idempotency_key
     WHERE digest = :digest
       AND created_at > now() - interval '24 hours'
""")


def find(conn: Connection, key: Key | None) -> UUID | None:
    """Return the uuid of what was created with this key, or None. Raises IdempotencyKeyReused."""
    row = key and conn.execute(FIND, {"digest": key.digest}).one_or_none()
    if key is None or row is None:
        return None
    if not hmac.compare_digest(row.request_digest, key.request_digest):
        raise IdempotencyKeyReused()
    created: UUID = row.created_uuid
    return created


# An older key counts for nothing and is overwritten. The primary key makes the second of two at once wait.
CLAIM = text("""
    INSERT INTO idempotency_key AS known (digest, request_digest, created_uuid)
    VALUES (:digest, :request_digest, :created_uuid)
        ON CONFLICT (digest) DO UPDATE
       SET request_digest = excluded.request_digest,
           created_uuid = excluded.created_uuid,
           created_at = now()
     WHERE known.created_at <= now() - interval '24 hours'
    RETURNING created_uuid
""")


def claim(conn: Connection, key: Key | None) -> tuple[UUID, bool]:
    """Return the uuid for what this transaction is to create, and False; or that of what the key created, and True.

    Raises IdempotencyKeyReused.
    """
    uuid = uuid4()
    if key is None:
        return uuid, False
    values = {"digest": key.digest, "request_digest": key.request_digest, "created_uuid": uuid}
    if conn.execute(CLAIM, values).one_or_none() is not None:
        return uuid, False
    created = find(conn, key)
    assert created is not None, "the key is younger than a day"
    return created, True
