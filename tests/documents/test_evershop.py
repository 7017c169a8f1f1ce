"""The statements in docs/evershop.md do what it says."""

import re
from collections.abc import Callable

import psycopg

from customers.db import migrate
from customers.evershop.service import SETUP
from tests.conftest import EVERSHOP, REPOSITORY, Made
from tests.support.database import Db

WITHOUT_HASHES, *MOVING_OUT = re.findall(
    r"^ *```sql\n(.*?)```", (REPOSITORY / "docs" / "evershop.md").read_text(), re.MULTILINE | re.DOTALL
)
# All that a database has, but for what belongs to an extension.
CATALOG = """
    SELECT pg_describe_object(classid, objid, objsubid) AS thing
      FROM (SELECT 'pg_class'::regclass AS classid, oid AS objid, 0 AS objsubid FROM pg_class
            UNION ALL SELECT 'pg_proc'::regclass, oid, 0 FROM pg_proc
            UNION ALL SELECT 'pg_trigger'::regclass, oid, 0 FROM pg_trigger
            UNION ALL SELECT 'pg_constraint'::regclass, oid, 0 FROM pg_constraint
            UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum FROM pg_attribute WHERE NOT attisdropped) AS object
     WHERE NOT EXISTS (SELECT FROM pg_depend
                        WHERE (pg_depend.classid, pg_depend.objid) = (object.classid, object.objid) AND deptype = 'e')
     ORDER BY 1
"""


def run(db: Db, sql: str) -> None:
    with psycopg.connect(db.conninfo, autocommit=True) as conn:
        conn.execute(sql.encode())


def test_moving_out_leaves_the_database_as_it_was(make: Callable[[str], Made]) -> None:
    ctx, db = make(EVERSHOP)
    before = db.all(CATALOG)
    migrate.apply(ctx.db, repair_defaults=True)
    alone = db.all(CATALOG)
    migrate.apply(ctx.db, SETUP)
    assert db.all(CATALOG) != alone

    run(db, MOVING_OUT[0])
    assert db.all(CATALOG) == alone
    run(db, MOVING_OUT[1])
    assert db.all(CATALOG) == before


def test_no_hash_is_left_in_events_and_none_comes_there_again(make: Callable[[str], Made]) -> None:
    _, db = make(EVERSHOP)
    hashes = "SELECT count(*) AS found FROM event WHERE CAST(data AS text) LIKE '%%$2a$%%' OR data ->> 'password' <> ''"
    rows = "SELECT count(*) AS found FROM event WHERE data ->> 'email' IS NOT NULL"
    before = db.one(hashes)["found"]

    run(db, WITHOUT_HASHES)
    kept = db.one(rows)["found"]
    db.execute("UPDATE customer SET full_name = 'Jane'")

    assert (before, db.one(hashes)["found"]) == (3, 0)
    assert db.one(rows)["found"] == kept + 2
