"""The statements on what is counted, and on the networks that an account has signed in from."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from customers.identity import Kind

# The function is in schema.sql, and says there what it does.
COUNT = text("""
    SELECT refused_by, seconds, is_first, unsettled, passed, closes
      FROM customers_count_attempt(CAST(:digests AS bytea[]), CAST(:most AS int[]), CAST(:longest AS int[]),
                                   CAST(:memory AS int[]), :settle, :own, :kind, :address, CAST(:network AS cidr))
""")


def count(
    conn: Connection,
    *,
    digests: Sequence[bytes],
    most: Sequence[int],
    longest: Sequence[int | None],
    memory: Sequence[int],
    settle: int,
    own: int | None,
    kind: Kind | None,
    address: str | None,
    network: str | None,
) -> Row[Any]:
    """Count an attempt by several limits, an element of each sequence a limit, or say which of them refuses it.

    ``settle`` is how many seconds an attempt may be under way, 0 where none is ever given back for its success.
    ``own`` is the number, from 1, of the limit that known networks pass: those of the account of this kind and address.
    Return ``refused_by`` (a number, None if counted), ``seconds`` until the next attempt, ``is_first`` (of the refusals
    since that limit closed), ``unsettled`` (attempts under way may open it again), ``passed`` (a known network was not
    counted by the limit ``own``), and ``closes`` (the digests to settle if this attempt fails).
    """
    return conn.execute(
        COUNT,
        {
            "digests": list(digests),
            "most": list(most),
            "longest": list(longest),
            "memory": list(memory),
            "settle": settle,
            "own": own,
            "kind": kind,
            "address": address,
            "network": network,
        },
    ).one()


# Locked in the order of the digests, as counting does. What would be left at none goes, and so does what is cleared.
GIVE_BACK = text("""
    WITH held AS MATERIALIZED (
         SELECT digest, attempts <= 1 OR digest IS NOT DISTINCT FROM CAST(:cleared AS bytea) AS done
           FROM attempt_counter
          WHERE digest = ANY(CAST(:digests AS bytea[]))
          ORDER BY digest
            FOR UPDATE),
         gone AS (
         DELETE FROM attempt_counter
          USING held
          WHERE attempt_counter.digest = held.digest
            AND held.done)
    UPDATE attempt_counter
       SET attempts = attempt_counter.attempts - 1,
           open_at = now()
      FROM held
     WHERE attempt_counter.digest = held.digest
       AND NOT held.done
""")


def give_back(conn: Connection, digests: Sequence[bytes], cleared: bytes | None = None) -> None:
    """Take an attempt back that has been counted under these digests; forget all attempts under the one cleared."""
    conn.execute(GIVE_BACK, {"digests": list(digests), "cleared": cleared})


# Only what is still closed: an attempt given back meanwhile has opened it, and the next one closes it again.
SETTLE = text("""
    WITH held AS MATERIALIZED (
         SELECT digest
           FROM attempt_counter
          WHERE digest = ANY(CAST(:digests AS bytea[]))
            AND open_at > now()
          ORDER BY digest
            FOR UPDATE)
    UPDATE attempt_counter
       SET open_at = attempt_counter.expires_at
      FROM held
     WHERE attempt_counter.digest = held.digest
""")


def settle(conn: Connection, digests: Sequence[bytes]) -> None:
    """Close limits until they expire, which an attempt that has failed had closed for the time being."""
    conn.execute(SETTLE, {"digests": list(digests)})


REMEMBER_NETWORK = {
    "customer": text("""
        INSERT INTO login_network AS known (customer_id, network)
        VALUES (:account_id, CAST(:network AS cidr))
            ON CONFLICT (customer_id, network) DO UPDATE
           SET last_login_at = now()
         WHERE known.last_login_at < now() - interval '1 day'
    """),
    "admin": text("""
        INSERT INTO login_network AS known (admin_user_id, network)
        VALUES (:account_id, CAST(:network AS cidr))
            ON CONFLICT (admin_user_id, network) DO UPDATE
           SET last_login_at = now()
         WHERE known.last_login_at < now() - interval '1 day'
    """),
}


def remember_network(conn: Connection, kind: Kind, account_id: int, network: str) -> None:
    """Note that an account has signed in from a network; at most once a day."""
    conn.execute(REMEMBER_NETWORK[kind], {"account_id": account_id, "network": network})


PURGE = text("""
    DELETE FROM login_network
     WHERE login_network_id = ANY(ARRAY(
           SELECT login_network_id
             FROM login_network
            WHERE last_login_at <= now() - interval '30 days'
            ORDER BY last_login_at
            LIMIT :batch
              FOR UPDATE SKIP LOCKED))
""")


def purge(conn: Connection, batch: int) -> int:
    """Delete at most a batch of networks that are known no more; return how many there were."""
    return conn.execute(PURGE, {"batch": batch}).rowcount
