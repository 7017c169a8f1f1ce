"""One login for this service and an EverShop: two rows, alive if both are.

A login here also makes a row in EverShop's table `session` and its signed cookie. EverShop keeps its sids in the clear,
so one counts only inside a signed cookie, never as X-Session-ID: a copy of its table opens nothing.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from customers.config import Settings
from customers.db.engine import Database, Transaction
from customers.evershop import signature, sql
from customers.security import sessions
from customers.security.callers import KINDS, Account, Claim, Kind

SETUP = Path(__file__).parent / "setup.sql"

# What the service's role may do with EverShop's tables, in the words of GRANT.
RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE ON session",
    "SELECT, UPDATE ON cart",
    'SELECT, UPDATE ON "order"',
    "INSERT ON event",
)


def _digest(sid: str | None) -> bytes | None:
    return None if sid is None else hashlib.sha256(sid.encode()).digest()


class EverShop:
    """The EverShop that shares this service's database."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._timezone = {"timezone": settings.evershop_timezone}
        self.cookie_names: dict[Kind, str] = {
            "customer": settings.evershop_cookie_name,
            "admin": settings.evershop_admin_cookie_name,
        }

    def sids(self, cookies: Mapping[str, str]) -> dict[Kind, str]:
        """Return the sids that EverShop's cookies name, those whose signature is right."""
        secrets = self._settings.evershop_cookie_secrets
        found = {kind: signature.unsign(cookies.get(name), secrets) for kind, name in self.cookie_names.items()}
        return {kind: sid for kind, sid in found.items() if sid is not None}

    def cookie(self, sid: str) -> str:
        """Return the value of the cookie that names a sid."""
        return signature.sign(sid, self._settings.evershop_cookie_secrets[0])

    def _times(self, kind: Kind) -> dict[str, int]:
        idle, lifetime = self._settings.session_times(kind)
        return {"idle": idle, "lifetime": lifetime}

    def resolve(self, db: Database, claim: Claim, sids: Mapping[Kind, str]) -> None:
        """Make the digests of a claim those of sessions that are alive on both sides, in one statement.

        EverShop's cookie decides where it is signed in: that is what its pages show. A session that EverShop has
        started becomes one of this service; one that has ended on one side ends on the other.
        """
        digests: dict[Kind, bytes | None] = {"customer": claim.customer_digest, "admin": claim.admin_digest}
        kinds = tuple(kind for kind in KINDS if digests[kind] or kind in sids)
        if not kinds:
            return
        values: dict[str, object] = {**self._timezone}
        for kind in kinds:
            values |= {f"{kind}_{name}": value for name, value in self._times(kind).items()}
            values |= {f"{kind}_digest": digests[kind], f"{kind}_sid": sids.get(kind)}
            values[f"{kind}_evershop_digest"] = _digest(sids.get(kind))
        found: dict[Kind, bytes | None] = {}
        for kind, account_id, linked, shown_is, own_is in db.all(sql.RESOLVE[kinds], values):
            if shown_is == "another" and linked is not None:
                self._end(db, linked)
            if shown_is == "ended" and linked is None:  # a row that was written although its session had ended
                with db.autocommit() as conn:
                    conn.execute(sql.DELETE_FORMER[kind], {"former": sids.get(kind)})
            if shown_is in ("another", "new"):
                shown = self._adopt(db, claim, kind, account_id, sids.get(kind))
            else:
                shown = self._alive(db, kind, linked, shown_is)
            found[kind] = shown or self._alive(db, kind, digests[kind], own_is)
        claim.customer_digest, claim.admin_digest = found.get("customer"), found.get("admin")

    def _alive(self, db: Database, kind: Kind, digest: bytes | None, is_: str | None) -> bytes | None:
        """Return the digest of a session of this service if both of its rows are alive; else end the other, too."""
        if is_ == "ended" and digest is not None:
            self._end(db, digest)
        if is_ == "late":
            with db.autocommit() as conn:
                conn.execute(sql.KEEP, {"digest": digest, **self._times(kind), **self._timezone})
        return digest if is_ in ("late", "alive") else None

    def _adopt(self, db: Database, claim: Claim, kind: Kind, account_id: int | None, sid: str | None) -> bytes | None:
        """Make a session of one that EverShop has started; return its digest; None if it has ended."""
        idle, lifetime = self._settings.session_times(kind)
        values = {
            "digest": secrets.token_bytes(32),
            "evershop_digest": _digest(sid),
            "account_id": account_id,
            "idle": idle,
            "recent_login": min(self._settings.recent_login, lifetime // 2),  # not past its end
            "ip": claim.origin.ip,
            "user_agent": claim.origin.user_agent,
        }
        with db.writing() as tx:
            tx.conn.execute(sql.ADOPT[kind], values)
            tx.conn.execute(sql.LINK, {"sid": sid})
            adopted: bytes | None = tx.conn.execute(sql.FIND_LINKED, values).scalar_one_or_none()
            if adopted is None:
                tx.conn.execute(sql.END, values)
            elif account_id is not None:
                sessions.end_excess(tx.conn, kind, account_id, self._settings.max_sessions)
        return adopted

    def _end(self, db: Database, digest: bytes) -> None:
        with db.autocommit() as conn:
            conn.execute(sql.END, {"digest": digest})

    def start(self, tx: Transaction, account: Account, former: str | None) -> str:
        """Make EverShop's row of a session that has just been started, and return its sid there.

        ``former`` is the sid of the cookie that came with the login: a guest's cart comes along, and a login ends.
        """
        idle = self._times(account.kind)["idle"]
        sid = secrets.token_urlsafe(24)
        uuid = tx.conn.execute(sql.MARK, {"digest": account.digest, "evershop_digest": _digest(sid)}).scalar_one()
        expires = (datetime.now(UTC) + timedelta(seconds=idle)).isoformat(timespec="milliseconds")
        sess = {
            "cookie": {
                "originalMaxAge": idle * 1000,
                "expires": expires.replace("+00:00", "Z"),
                "secure": self._settings.cookie_secure,
                "httpOnly": True,
                "path": "/",
                "sameSite": "lax",
            },
            "customerID" if account.kind == "customer" else "userID": account.account_id,
            "notifications": [],
            "customersSession": str(uuid),
        }
        if former is not None:
            if account.kind == "customer":
                tx.conn.execute(sql.MOVE_CART, {"sid": sid, "former": former, "account_id": account.account_id})
            tx.conn.execute(sql.END_FORMER, {"evershop_digest": _digest(former)})
            tx.conn.execute(sql.DELETE_FORMER[account.kind], {"former": former})
        text = json.dumps(sess, separators=(",", ":"))
        tx.conn.execute(sql.START, {"sid": sid, "sess": text, "idle": idle, **self._timezone})
        return sid

    def end_all(self, conn: Connection, kind: Kind, account_id: int, keep: bytes | None) -> None:
        """End what EverShop alone knows of an account's sessions, but for the one to keep."""
        conn.execute(sql.END_ALL[kind], {"account_id": account_id, "keep": keep})

    def require_setup(self, db: Database) -> None:
        """Do nothing if PostgreSQL knows the shop's time zone and the setup is there; else its error is raised."""
        with db.autocommit() as conn:
            conn.execute(sql.SETUP, self._timezone)

    def before_purge(self, db: Database) -> None:
        """Put off the end of sessions that EverShop's pages have used since."""
        with db.without_timeouts() as conn:
            for kind in KINDS:
                lifetime = self._times(kind)["lifetime"]
                conn.execute(sql.PUT_OFF[kind], {"lifetime": lifetime, **self._timezone})
