"""The statements on EverShop's tables, and on the sessions that are linked to a row there.

`session.expire` has no time zone: EverShop writes and compares it in the shop's, which is ``:timezone`` here.
"""

from sqlalchemy import TextClause, text

from customers.security.callers import KINDS, Kind
from customers.security.kinds import written_for

# Where `sess` says whose session it is.
_OWNER: dict[Kind, str] = {"customer": "customerID", "admin": "userID"}


def _written(statement: str) -> dict[Kind, str]:
    return {kind: written_for(kind, statement, owner=_OWNER[kind]) for kind in KINDS}


def _for_each_kind(statement: str) -> dict[Kind, TextClause]:
    return {kind: text(written) for kind, written in _written(statement).items()}


# How the sessions are that a request presents. `shown` is the row that EverShop's cookie names, if it is signed in, and
# `linked` our session of that; `own` is the session of our cookie or X-Session-ID, and `beside` its row in EverShop's
# table. Each is one of these, or null where there is none:
#   new      EverShop has signed somebody in whom this service does not know so far
#   another  EverShop has signed somebody else in since
#   ended    one of the two rows has ended
#   late     alive, but one of the two rows would end too early
#   alive
_RESOLVE = _written("""
    SELECT '{kind}' AS kind, shown.account_id, linked.digest,
           CASE WHEN shown.account_id IS NULL AND linked.digest IS NULL THEN NULL
                WHEN shown.account_id IS NULL THEN 'ended'
                WHEN linked.digest IS NULL AND shown.is_linked THEN 'ended'
                WHEN linked.digest IS NULL THEN 'new'
                WHEN linked.{account_id} IS DISTINCT FROM shown.account_id THEN 'another'
                WHEN linked.created_at <= now() - make_interval(secs => :{kind}_lifetime) THEN 'ended'
                WHEN linked.expires_at < now() + interval '1 minute'
                  OR shown.expires_at < least(linked.created_at + make_interval(secs => :{kind}_lifetime),
                                              now() + make_interval(secs => :{kind}_idle)) - interval '1 minute'
                THEN 'late'
                ELSE 'alive' END AS shown_is,
           CASE WHEN own.digest IS NULL THEN NULL
                WHEN own.evershop_digest IS NULL THEN 'alive'
                WHEN beside.expires_at IS NULL THEN 'ended'
                WHEN own.expires_at < now() + interval '1 minute'
                  OR beside.expires_at < least(own.created_at + make_interval(secs => :{kind}_lifetime),
                                               now() + make_interval(secs => :{kind}_idle)) - interval '1 minute'
                THEN 'late'
                ELSE 'alive' END AS own_is
      FROM (VALUES (1)) AS one
      LEFT JOIN LATERAL (
           SELECT CASE WHEN sess ->> '{owner}' ~ '^[1-9][0-9]{{0,9}}$'
                       THEN CAST(sess ->> '{owner}' AS bigint) END AS account_id,
                  sess ->> 'customersSession' IS NOT NULL AS is_linked,
                  expire AT TIME ZONE :timezone AS expires_at
             FROM session
            WHERE sid = :{kind}_sid
              AND expire AT TIME ZONE :timezone >= now()) AS shown
        ON true
      LEFT JOIN login_session AS linked
        ON linked.evershop_digest = :{kind}_evershop_digest
       AND linked.{account_id} IS NOT NULL
      LEFT JOIN login_session AS own
        ON own.digest = :{kind}_digest
       AND own.{account_id} IS NOT NULL
      LEFT JOIN LATERAL (
           SELECT max(expire AT TIME ZONE :timezone) AS expires_at
             FROM session
            WHERE sess ->> 'customersSession' = CAST(own.uuid AS text)
              AND sess ->> '{owner}' = CAST(own.{account_id} AS text)
              AND expire AT TIME ZONE :timezone >= now()) AS beside
        ON true
""")
RESOLVE = {(kind,): text(_RESOLVE[kind]) for kind in KINDS} | {KINDS: text(" UNION ALL ".join(_RESOLVE.values()))}

# A session that EverShop has started becomes one here as well. Nobody knows when it was started: not recently. The lock
# makes adoptions and changes of one account take turns: who disables it sees, and ends, what has just been adopted.
ADOPT = _for_each_kind("""
    INSERT INTO login_session (digest, {account_id}, evershop_digest, created_at, expires_at, ip, user_agent)
    SELECT :digest, {account_id}, :evershop_digest, now() - make_interval(secs => :recent_login),
           now() + make_interval(secs => :idle), CAST(:ip AS inet), :user_agent
      FROM {table}
     WHERE {account_id} = :account_id
       AND {enabled}
       FOR NO KEY UPDATE
        ON CONFLICT (evershop_digest) DO NOTHING
""")

# Nothing where EverShop's row has been deleted meanwhile, as by the end of all sessions of the account.
FIND_LINKED = text("""
    SELECT login_session.digest
      FROM login_session
      JOIN session
        ON session.sess ->> 'customersSession' = CAST(login_session.uuid AS text)
     WHERE login_session.evershop_digest = :evershop_digest
""")

# A trigger links a row that is written: by the session's public uuid. `sess` stays the text that EverShop wrote, with
# one member more.
LINK = text("""
    UPDATE session
       SET sess = sess
     WHERE sid = :sid
       AND sess ->> 'customersSession' IS NULL
""")

# Each of the two rows lives as long as the other one, and no longer than a session may. Ours is locked first, as by
# whoever ends a session.
KEEP = text("""
      WITH ours AS (
           UPDATE login_session
              SET expires_at = least(login_session.created_at + make_interval(secs => :lifetime),
                                     greatest(login_session.expires_at, theirs.expires_at))
             FROM (SELECT max(expire AT TIME ZONE :timezone) AS expires_at
                     FROM session
                    WHERE sess ->> 'customersSession' = (SELECT CAST(uuid AS text)
                                                           FROM login_session
                                                          WHERE digest = :digest)) AS theirs
            WHERE login_session.digest = :digest
           RETURNING login_session.uuid, login_session.created_at)
    UPDATE session
       SET expire = greatest(session.expire, least(ours.created_at + make_interval(secs => :lifetime),
                                                   now() + make_interval(secs => :idle)) AT TIME ZONE :timezone)
      FROM ours
     WHERE session.sess ->> 'customersSession' = CAST(ours.uuid AS text)
""")

END = text("""
    DELETE FROM login_session
     WHERE digest = :digest
""")

# ---------------------------------------------------------------- a login

MARK = text("""
    UPDATE login_session
       SET evershop_digest = :evershop_digest
     WHERE digest = :digest
    RETURNING uuid
""")

START = text("""
    INSERT INTO session (sid, sess, expire)
    VALUES (:sid, CAST(:sess AS json), (now() + make_interval(secs => :idle)) AT TIME ZONE :timezone)
""")

# A guest's cart comes along, and the order that the success page is about to show; those of another customer do not.
MOVE_CART = text("""
      WITH moved AS (
           UPDATE "order"
              SET sid = :sid
            WHERE sid = :former
              AND created_at > now() - interval '1 hour'
              AND (customer_id IS NULL OR customer_id = :account_id))
    UPDATE cart
       SET sid = :sid,
           customer_id = customer.customer_id,
           customer_group_id = coalesce(customer.group_id, 1),
           customer_email = customer.email,
           customer_full_name = customer.full_name
      FROM customer
     WHERE cart.sid = :former
       AND cart.status
       AND (cart.customer_id IS NULL OR cart.customer_id = :account_id)
       AND customer.customer_id = :account_id
""")

END_FORMER = text("""
    DELETE FROM login_session
     WHERE evershop_digest = :evershop_digest
""")
# What was not linked. The row of a guest stays: without it, a page under way would name the browser anew.
DELETE_FORMER = _for_each_kind("""
    DELETE FROM session
     WHERE sid = :former
       AND sess ->> '{owner}' IS NOT NULL
""")

# ---------------------------------------------------------------- ends

# Sessions of this service have been ended before, and with them the rows that are linked.
END_ALL = _for_each_kind("""
    DELETE FROM session
     WHERE sess ->> '{owner}' = CAST(CAST(:account_id AS int) AS text)
       AND coalesce(sess ->> 'customersSession', '') IS DISTINCT FROM (SELECT CAST(uuid AS text)
                                                                         FROM login_session
                                                                        WHERE digest = :keep)
""")

# Before a purge: a session lives while EverShop's row of it does, up to its absolute end.
PUT_OFF = _for_each_kind("""
    UPDATE login_session
       SET expires_at = least(login_session.created_at + make_interval(secs => :lifetime),
                              session.expire AT TIME ZONE :timezone)
      FROM session
     WHERE login_session.expires_at <= now()
       AND login_session.evershop_digest IS NOT NULL
       AND session.sess ->> 'customersSession' = CAST(login_session.uuid AS text)
       AND session.sess ->> '{owner}' = CAST(login_session.{account_id} AS text)
""")

# ---------------------------------------------------------------- a registration

# What EverShop's createCustomer tells its subscribers, without the hash: parts of the statement that inserts one.
NEWS = """json_build_object(
                     'customer_id', customer_id, 'uuid', uuid, 'status', status, 'group_id', group_id, 'email', email,
                     'full_name', full_name, 'meta_data', meta_data, 'insertId', customer_id,
                     'created_at', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                     'updated_at', to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) AS news"""
TELL = """INSERT INTO event (name, data)
           SELECT CASE WHEN status = 1 THEN 'customer_registered' ELSE 'account_created' END, news
             FROM created"""

# EverShop's columns that statements above name, but those of `event`, which the service's role may not read.
COLUMNS = {
    "session": "sid, sess, expire",
    "cart": "sid, status, customer_id, customer_group_id, customer_email, customer_full_name",
    '"order"': "sid, created_at, customer_id",
}
_READABLE = "".join(f", (SELECT ROW({columns}) FROM {table} LIMIT 0)" for table, columns in COLUMNS.items())
SETUP = text(f"""
    SELECT now() AT TIME ZONE :timezone, (SELECT evershop_digest FROM login_session LIMIT 0) {_READABLE}
""")
