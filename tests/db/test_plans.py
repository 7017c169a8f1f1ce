"""How PostgreSQL goes about the list: by index, at some tens of thousands of customers."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from werkzeug.test import TestResponse

from customers.config import Settings
from customers.features.accounts.search import KEYS
from customers.features.sessions import service as admins
from customers.http import context
from tests.conftest import ADDRESS, PASSWORD, application, log_in, new_client
from tests.support.answers import data_of
from tests.support.builders import CUSTOMERS, ME
from tests.support.database import Db
from tests.support.shops import with_schema

LAST = 30_000 // 20
# As of a shop that has grown: most customers are active, one in a hundred is in a group, every name is another.
FILL = b"""
    INSERT INTO customer_group (group_name) VALUES ('Wholesale');
    INSERT INTO customer (email, password, full_name, status, group_id, created_at, updated_at)
    SELECT 'Customer' || n || '@example.com', 'x', 'Name ' || md5(n::text), (n % 10 <> 0)::int,
           CASE WHEN n % 100 = 0 THEN 2 ELSE 1 END,
           timestamptz '2020-01-01 00:00Z' + n * interval '1 minute',
           timestamptz '2024-01-01 00:00Z' + (n * 7919 % 30000) * interval '1 minute'
      FROM generate_series(1, 30000) AS n;
"""
USES = """
    SELECT relname AS name, seq_scan AS uses FROM pg_stat_user_tables WHERE relname = 'customer'
    UNION SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = 'customer'
"""


QUERIES = [
    *(f"page={page}" for page in (500, 1000, LAST)),
    "email=customer777@EXAMPLE.com",
    "email=customer777@example.com&status=1",
    "created_from=2020-01-02&created_to=2020-01-02T06:00Z",
    "status=0",
    "group_id=2",
    *(f"sort={minus}{key}" for key in KEYS for minus in ("", "-")),
    f"sort=-customer_id&page={LAST}",
]
PARTS = ["keyword=ustomer777", "full_name=c4ca4238a0"]


@pytest.fixture(scope="module")
def grown(make_database: Callable[[], str]) -> Iterator[Db]:
    with Db(with_schema(make_database())) as db:
        with psycopg.connect(db.conninfo, autocommit=True) as conn:
            conn.execute(FILL)
            conn.execute("VACUUM (ANALYZE) customer")
        yield db


# Sessions and addresses, of the first customers alone when PostgreSQL looks.
FIRST = b"""
    INSERT INTO login_session (digest, customer_id, expires_at)
    SELECT sha256(customer_id::text::bytea), customer_id, now() + interval '1 day'
      FROM customer
     ORDER BY customer_id
     LIMIT 64;
    INSERT INTO customer_address (customer_id, full_name, address_1, province, country, postcode)
    SELECT customer_id, 'A', 'A', 'A', 'US', '1'
      FROM login_session;
    ANALYZE login_session, customer_address;
"""
READ = """
    SELECT sum(idx_tup_read) + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'customer') AS rows
      FROM pg_stat_user_indexes
     WHERE relname = 'customer'
"""


def test_the_last_customer_is_found_as_fast_as_the_first(grown: Db, settings: Settings) -> None:
    """PostgreSQL joins by merging where it believes that it need not read far: it would read all customers before."""
    with psycopg.connect(grown.conninfo) as conn:
        conn.execute(FIRST)
    app = application(replace(settings, database_url=grown.conninfo))  # past a pooler
    ctx, client = context.of(app), new_client(app)
    created = client.post(CUSTOMERS, json={"email": "last@example.com", "password": PASSWORD, "full_name": "Last"})
    path = created.headers["Location"]
    log_in(client, "last@example.com")

    def rows_read() -> int:
        """Return how many rows of customers were read so far."""
        with ctx.db.autocommit() as conn:
            conn.execute(text("SELECT pg_stat_force_next_flush()"))
        found: int = grown.one(READ)["rows"]
        return found

    def act(method: str, path: str, body: Any = None) -> TestResponse:
        before = rows_read()
        answer = client.open(path, method=method, json=body)
        assert answer.status_code < 300, answer.text
        assert rows_read() - before < 50, f"{method} {path}"
        return answer

    for whose in (ME, path):
        act("GET", whose)
        act("PATCH", whose, {"full_name": "Lasting"})
        act("PATCH", whose, {"full_name": "Last", "email": "last@example.com"})
        address = act("POST", f"{whose}/addresses", ADDRESS).headers["Location"]
        for each in (
            ("GET", f"{whose}/addresses"),
            ("GET", address),
            ("PATCH", address, {"city": "X"}),
            ("DELETE", address),
        ):
            act(*each)
        act("GET", f"{whose}/sessions")
        act("GET", f"{whose}/export")
    act("POST", "/customer/logout")
    ctx.db.close()


@pytest.mark.parametrize("plans", ["custom", "generic"])
def test_no_page_that_an_index_can_give_is_read_from_the_whole_table(grown: Db, settings: Settings, plans: str) -> None:
    """Nor one of customers in whose texts something stands, where the server has trigrams; Debian's has them."""
    grown.execute(
        f"ALTER DATABASE {conninfo_to_dict(grown.conninfo)['dbname']} SET plan_cache_mode = force_{plans}_plan"
    )
    app = application(replace(settings, database_url=grown.conninfo))  # past a pooler
    ctx, client, email = context.of(app), new_client(app), f"{plans}@example.com"
    admins.create_admin(ctx, email=email, password=PASSWORD, full_name="A")
    log_in(client, email, path="/admin/user/login")
    by_trigrams = grown.all("SELECT FROM pg_extension WHERE extname = 'pg_trgm'")

    def uses() -> dict[str, int]:
        """Return how often each index was read so far; "customer" stands for the whole table."""
        with ctx.db.autocommit() as conn:
            conn.execute(text("SELECT pg_stat_force_next_flush()"))
        return {row["name"]: row["uses"] for row in grown.all(USES)}

    for query in [*QUERIES, *(PARTS if by_trigrams else [])]:
        before = uses()
        data_of(client.get(f"{CUSTOMERS}?{query}"))
        used = {name for name, count in uses().items() if count != before[name]}
        # Of any status there may be many to count.
        assert "customer" not in used or (plans, query) == ("generic", "status=0"), query
    ctx.db.close()
