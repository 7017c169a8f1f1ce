"""What would stand in the way of running beside an EverShop: questions to the settings and to the database."""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DataError, ProgrammingError

from customers.config import SECRET_KEY_BYTES, Settings
from customers.db.engine import Database, driver
from customers.evershop import sql
from customers.evershop.service import RIGHTS
from customers.telemetry import logs

# What the service does with EverShop's tables without any EverShop beside it (deploy/role.sql).
_USUAL_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE ON customer",
    "SELECT, INSERT, UPDATE, DELETE ON customer_address",
    "SELECT, INSERT, UPDATE, DELETE ON customer_group",
    "SELECT, INSERT, UPDATE, DELETE ON reset_password_token",
    "SELECT, UPDATE ON admin_user",
)
_SHOWN = 5

Level = Literal["ok", "warning", "stop"]


class Finding(NamedTuple):
    """A line for the operator; what has the level "stop" must be put right first."""

    level: Level
    text: str


class Check(NamedTuple):
    """A question to the database: each row that its statement returns is a fault."""

    fine: str
    fault: str  # what is wrong and what to do; with the number of rows, {count}, and the first of them, {found}
    statement: TextClause
    level: Level = "stop"


# Of sessions that EverShop has written and no page has used since: how many quarters of an hour `expire`, read in the
# time zone that is set, is off. EverShop writes the same moment into `sess`, in UTC. Sessions of ours say nothing.
_QUARTERS = """
      WITH newest AS (
           SELECT extract(epoch FROM expire AT TIME ZONE :timezone
                                     - CAST(sess #>> '{cookie,expires}' AS timestamptz)) AS seconds
             FROM session
            WHERE sess ->> 'customersSession' IS NULL
            ORDER BY expire DESC
            LIMIT 500),
           unused AS (
           SELECT round(seconds / 900) AS quarters
             FROM newest
            WHERE abs(seconds - round(seconds / 900) * 900) < 5)
"""

_CLASHES = " UNION ALL ".join(
    f"""
    SELECT concat('{relation}: ', string_agg({column}, ' = ' ORDER BY {column}))
      FROM {relation}
     GROUP BY lower({column})
    HAVING count(*) > 1
"""
    for relation, column in (("customer", "email"), ("admin_user", "email"), ("customer_group", "group_name"))
)

_NOT_SET_UP = """
    SELECT name
      FROM (VALUES ('session', 'customers_evershop_guard'), ('login_session', 'customers_evershop_ended'))
           AS needed (relation, name)
     WHERE NOT EXISTS (SELECT
                         FROM pg_trigger
                        WHERE tgrelid = to_regclass(relation)
                          AND tgname = name
                          AND tgenabled <> 'D')
     ORDER BY name DESC
"""

CHECKS = (
    Check(
        "EverShop's tables are there.",
        "This is not the database of an EverShop: {found} are missing. Set CUSTOMERS_DATABASE_URL to EverShop's.",
        text("""
            SELECT name
              FROM unnest(ARRAY['session', 'cart', '"order"', 'event', 'customer', 'admin_user']) AS name
             WHERE to_regclass(name) IS NULL
        """),
    ),
    Check(
        "EverShop's tables have the columns that the service needs.",
        "These columns are missing, so this is not the database of an EverShop 2.2: {found}.",
        text("""
            SELECT concat(relation, '.', name)
              FROM unnest(CAST(:columns AS text[])) AS needed
             CROSS JOIN LATERAL split_part(needed, '.', 1) AS relation
             CROSS JOIN LATERAL split_part(needed, '.', 2) AS name
             WHERE to_regclass(relation) IS NOT NULL
               AND NOT EXISTS (SELECT
                                 FROM pg_attribute
                                WHERE attrelid = to_regclass(relation)
                                  AND attname = name
                                  AND NOT attisdropped)
        """),
    ),
    Check(
        "The role has all rights that the service needs to EverShop's tables.",
        "The role lacks rights that the service needs: {found}.",
        text("""
            SELECT string_agg(format('GRANT %s ON %s TO %I', lacking, relation, current_user), '; ' ORDER BY relation)
              FROM (SELECT relation, string_agg(privilege, ', ') AS lacking
                      FROM unnest(CAST(:rights AS text[])) AS rights
                     CROSS JOIN LATERAL split_part(rights, ' ON ', 2) AS relation
                     CROSS JOIN LATERAL regexp_split_to_table(split_part(rights, ' ON ', 1), ', ') AS privilege
                     CROSS JOIN LATERAL CAST(to_regclass(relation) AS oid) AS oid
                     WHERE NOT CASE privilege WHEN 'DELETE' THEN has_table_privilege(oid, privilege)
                                              ELSE has_any_column_privilege(oid, privilege) END
                     GROUP BY relation) AS missing
            HAVING count(*) > 0
        """),
    ),
    Check(
        "No two customers, admins or groups have one e-mail or name in two spellings.",
        "{count} e-mails or names of groups differ only by case: {found}. Change or delete all but one of each.",
        text(f"{_CLASHES} ORDER BY 1"),
    ),
    Check(
        "No customer has several default addresses.",
        "{count} customers have several default addresses: {found}. Leave one of each, or the newest by"
        " `flask init-db --evershop --repair-defaults`.",
        text("""
            SELECT customer.email
              FROM customer_address
              JOIN customer USING (customer_id)
             WHERE customer_address.is_default
             GROUP BY customer.customer_id
            HAVING count(*) > 1
             ORDER BY customer.email
        """),
    ),
    Check(
        "PostgreSQL knows the time zone.",
        "PostgreSQL knows no time zone {found}: set CUSTOMERS_EVERSHOP_TIMEZONE to EverShop's shop.timezone.",
        text("""
            SELECT :timezone
             WHERE NOT EXISTS (SELECT
                                 FROM pg_timezone_names
                                WHERE lower(name) = lower(:timezone))
        """),
    ),
    Check(
        "No session of EverShop's contradicts the time zone.",
        "In the time zone that is set, EverShop's sessions end {found}: set CUSTOMERS_EVERSHOP_TIMEZONE to EverShop's"
        " shop.timezone.",
        text(f"""{_QUARTERS}
            SELECT concat(to_char(make_interval(mins => CAST(abs(quarters) * 15 AS int)), 'HH24:MI'),
                          CASE WHEN quarters < 0 THEN ' hours too early' ELSE ' hours too late' END)
              FROM (SELECT mode() WITHIN GROUP (ORDER BY quarters) AS quarters
                      FROM unused) AS usual
             WHERE quarters <> 0
        """),
    ),
    Check(
        "There are sessions of EverShop's to know its time zone by.",
        "Nobody can tell whether the time zone is EverShop's: open a page of the shop in a new private window, and run"
        " this again.",
        text(f"""{_QUARTERS}
            SELECT
             WHERE NOT EXISTS (SELECT
                                 FROM unused)
        """),
        "warning",
    ),
    Check(
        "The database is set up.",
        "The database is not set up yet ({found}): run `flask init-db --evershop`, then deploy/role.sql.",
        text(_NOT_SET_UP),
        "warning",
    ),
    Check(
        "The database is set up, or this role may do that.",
        "`flask init-db --evershop` needs a role that owns the tables: {found}.",
        text(f"""
            SELECT concat(name, ' belongs to ', pg_get_userbyid(relowner))
              FROM unnest(ARRAY['customer', 'session', 'cart', '"order"']) AS name
              JOIN pg_class
                ON pg_class.oid = to_regclass(name)
             WHERE NOT pg_has_role(relowner, 'USAGE')
               AND EXISTS ({_NOT_SET_UP})
        """),
        "warning",
    ),
    Check(
        "Every customer has a name and a time of creation.",
        "{count} customers have no name or no time of creation ({found}), so EverShop's pages show them as signed out:"
        " UPDATE customer SET full_name = coalesce(full_name, email), created_at = coalesce(created_at, now())"
        " WHERE full_name IS NULL OR created_at IS NULL",
        text("""
            SELECT email
              FROM customer
             WHERE full_name IS NULL
                OR created_at IS NULL
             ORDER BY customer_id
        """),
        "warning",
    ),
    Check(
        "No password hash is in EverShop's events.",
        "{count} rows of event hold a password hash, which EverShop's triggers copy there: UPDATE event"
        " SET data = CAST(CAST(data AS jsonb) - 'password' AS json) WHERE data ->> 'password' IS NOT NULL",
        text("""
            SELECT event_id
              FROM event
             WHERE data ->> 'password' IS NOT NULL
        """),
        "warning",
    ),
    Check(
        "EverShop works off its events.",
        "{count} events have waited for over ten minutes: EverShop's event process does not run, or fails. No welcome"
        " mail is sent.",
        text("""
            SELECT event_id
              FROM event
             WHERE created_at < now() - interval '10 minutes'
        """),
        "warning",
    ),
)


def findings(db: Database, settings: Settings) -> Iterator[Finding]:
    """Return what was found, in the order of what to do; nothing is changed, and no schema is needed."""
    yield _secrets(settings)
    columns = {**sql.COLUMNS, "event": "name, data"}
    values = {
        "rights": [*_USUAL_RIGHTS, *RIGHTS],
        "columns": [f"{table}.{name}" for table, names in columns.items() for name in names.split(", ")],
        "timezone": settings.evershop_timezone,
    }
    with db.without_timeouts() as conn:
        for check in CHECKS:
            yield _answer(conn, check, values)


def _secrets(settings: Settings) -> Finding:
    secrets = settings.evershop_cookie_secrets
    if not secrets:
        wrong = "CUSTOMERS_EVERSHOP_COOKIE_SECRETS is not set: it is EverShop's system.session.cookieSecret."
    elif min(len(secret.encode()) for secret in secrets) < SECRET_KEY_BYTES:
        wrong = (
            "A secret for cookies can be guessed, and whoever does can sign in as anybody: set EverShop's"
            " system.session.cookieSecret and CUSTOMERS_EVERSHOP_COOKIE_SECRETS to"
            f" {SECRET_KEY_BYTES} or more random bytes."
        )
    else:
        return Finding("ok", "The secret for cookies is set. That it is EverShop's, a login will show.")
    return Finding("stop", wrong)


def _answer(conn: Connection, check: Check, values: Mapping[str, object]) -> Finding:
    try:
        # For a transaction, not for the connection: behind a pooler the next client would get that.
        with driver(conn).transaction():
            driver(conn).execute("SET TRANSACTION READ ONLY")
            rows = conn.execute(check.statement, values).all()
    except (DataError, ProgrammingError) as error:  # no table, no right, not a time
        return Finding("warning", f'Could not check: "{check.fine}" The database says: {logs.message(error)}.')
    if not rows:
        return Finding("ok", check.fine)
    first = [str(row[0]) for row in rows[:_SHOWN] if row]
    found = ", ".join(first) + (", …" if len(rows) > _SHOWN else "")
    return Finding(check.level, check.fault.format(count=len(rows), found=found))
