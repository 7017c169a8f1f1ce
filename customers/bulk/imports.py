"""Importing customers batch by batch, each in a transaction of its own: a killed import can be run again."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import uuid4

from psycopg import errors as pg_errors
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from customers.bulk import rows, staging
from customers.bulk.files import Record
from customers.context import Context
from customers.db.engine import Transaction, driver
from customers.features.groups import sql as groups_sql
from customers.security import trail
from customers.security.callers import OPERATOR
from customers.security.hashing import Hasher
from customers.security.trail import Subject

Row = dict[str, Any]

# What ends a batch: so many records, characters in memory, or plain passwords, whose hashes a kill would lose.
_RECORDS, _CHARACTERS, _PLAIN_PASSWORDS = 10_000, 16 * 1024 * 1024, 200

FATES = ("added", "updated", "skipped")
_TRIES = 20
# Somebody else wrote the same at the same time, or deleted a group; the next try sees what was written.
_AGAIN = (pg_errors.UniqueViolation, pg_errors.ForeignKeyViolation, pg_errors.DeadlockDetected)
_ANOTHER_HASH = "?"  # what a dry run takes for a hash that it does not make: no account has it
_ANOTHER_GROUP = -1  # likewise for a group


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the operator has chosen."""

    update: bool = False
    dry_run: bool = False
    lenient: bool = False
    create_groups: bool = False
    without_passwords: bool = False


@dataclass
class Outcome:
    """What has become of records: counts by "read" and fate, lines and reasons of those rejected, groups made."""

    counts: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)  # names by what they are compared by


def run(ctx: Context, records: Iterable[Record], options: Options, *, most: int = _RECORDS) -> Iterator[Outcome]:
    """Import the records, at most so many at once; yield the outcome of each batch once it is committed.

    Concurrent writers take turns by row locks; no write is lost.
    """
    settings = ctx.settings
    hasher = Hasher(settings.bcrypt_rounds, threads=settings.workers * settings.hashing_threads)
    with ctx.db.without_timeouts() as conn:
        staging.prepare(conn, remember=options.update or options.dry_run)
        for read, batch in _batches(records, options, most):
            _hash(conn, hasher, options, batch)
            yield _load(conn, options, read, batch)
        if not options.dry_run:
            # Connections keep the plans that they made for a small table until its statistics change.
            conn.execute(staging.ANALYZE)


def _batches(records: Iterable[Record], options: Options, most: int) -> Iterator[tuple[Outcome, list[Row]]]:
    """Yield the rows of a batch, and what is known of its records by then."""
    outcome, batch, plain, characters = Outcome(), list[Row](), 0, 0
    for record in records:
        outcome.counts["read"] += 1
        characters += record.size
        try:
            row = rows.check(record, lenient=options.lenient)
            batch.append(row)
            plain += "password" in row
        except rows.Rejected as fault:
            outcome.rejected.append((record.line, str(fault)))
        if outcome.counts["read"] >= most or plain >= _PLAIN_PASSWORDS or characters >= _CHARACTERS:
            yield outcome, batch
            outcome, batch, plain, characters = Outcome(), [], 0, 0
    yield outcome, batch


def _hash(conn: Connection, hasher: Hasher, options: Options, batch: list[Row]) -> None:
    """Give the rows with plain passwords their hashes, but those whose customers keep the password that they have."""
    plain = [row for row in batch if "password" in row]
    stored = staging.find_passwords(conn, [row["email"] for row in plain]) if plain else {}
    keep = set(stored)
    if options.update:
        # What matches stays: to hash it anew would be a change at every run.
        matches = hasher.match_all((plain[place]["password"], hashed) for place, hashed in stored.items())
        keep = {place for place, matched in zip(stored, matches, strict=True) if matched}
    new = [row for place, row in enumerate(plain) if place not in keep]
    hashes = [_ANOTHER_HASH] * len(new) if options.dry_run else hasher.hash_all(row["password"] for row in new)
    for row, hashed in zip(new, hashes, strict=True):
        row["password_hash"] = hashed


def _load(conn: Connection, options: Options, read: Outcome, batch: list[Row]) -> Outcome:
    for _ in range(_TRIES - 1):
        try:
            return _try_to_load(conn, options, read, batch)
        except DBAPIError as error:
            if not isinstance(error.orig, _AGAIN):
                raise
    return _try_to_load(conn, options, read, batch)


def _try_to_load(conn: Connection, options: Options, read: Outcome, batch: list[Row]) -> Outcome:
    outcome, tx = Outcome(Counter(read.counts), [*read.rejected]), Transaction(conn)
    with driver(conn).transaction():
        groups = _find_groups(tx, options, batch, outcome)
        for row in batch:
            row["group_id"] = groups.get(row.get("group"))
        unknown = [row for row in batch if "group" in row and row["group_id"] is None]
        outcome.rejected += [(row["line"], "group: There is no such group.") for row in unknown]
        staging.stage(conn, (row for row in batch if "group" not in row or row["group_id"] is not None))
        for judged in staging.judge(conn, asdict(options)):
            if judged.fate in FATES:
                outcome.counts[judged.fate] += 1
            else:
                outcome.rejected.append((judged.line, judged.fate))
        if not options.dry_run:
            staging.write(conn)
            details = {fate: outcome.counts[fate] for fate in ("added", "updated")}
            if any(details.values()):
                trail.record(tx, OPERATOR, None, {"customers_imported": details})
    tx.committed()
    return outcome


def _find_groups(tx: Transaction, options: Options, batch: list[Row], outcome: Outcome) -> dict[str | None, int]:
    """Return the ids of the groups that rows name, by name; make those that are not there, if that is wanted."""
    names = list(dict.fromkeys(row["group"] for row in batch if "group" in row))
    found = staging.find_groups(tx.conn, names)
    if options.create_groups:
        outcome.groups = {row.folded: row.name for row in reversed(found) if row.customer_group_id is None}
        if options.dry_run:
            return {row.name: row.customer_group_id or _ANOTHER_GROUP for row in found}
        for name in outcome.groups.values():
            group = groups_sql.insert(tx.conn, uuid4(), name)
            if group is not None:
                trail.record(tx, OPERATOR, Subject("group", group.uuid), {"group_created": {}})
        found = staging.find_groups(tx.conn, names)
    return {row.name: row.customer_group_id for row in found if row.customer_group_id is not None}
