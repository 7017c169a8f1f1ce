"""A session that EverShop began becomes one of this service, by the rules of all others."""

from functools import partial

from flask import Flask

from tests.conftest import Account
from tests.evershop.conftest import MakeApp
from tests.evershop.shop import holding, signed_in_there
from tests.support.answers import refused
from tests.support.builders import ME
from tests.support.database import Db
from tests.support.threads import overtaken


def test_a_session_that_ends_at_evershop_while_it_becomes_one_here_leaves_none(
    app: Flask, customer: Account, database: str, db: Db
) -> None:
    disabled, ids = "UPDATE customer SET status = 0", "SELECT uuid FROM login_session ORDER BY uuid"
    for end in ("SELECT FROM customer FOR UPDATE; DELETE FROM session", disabled):
        cookie, before = signed_in_there(app, db, customer).get_cookie("sid"), db.all(ids)
        assert cookie

        late = overtaken(database, db, end, partial(holding(app, cookie.value).get, ME))

        refused(late, 401, "not_authenticated")
        assert db.all(ids) == ([] if end == disabled else before)


def test_sessions_that_evershop_began_count_for_the_most_an_account_may_have(
    make_app: MakeApp, customer: Account, db: Db
) -> None:
    app = make_app(max_sessions=2)

    clients = [signed_in_there(app, db, customer) for _ in range(3)]
    seen = [client.get(ME).status_code for client in (*clients, *clients)]

    assert seen == [200, 200, 200, 401, 200, 200]
    assert db.one("SELECT count(*) FROM login_session") == {"count": 2}
