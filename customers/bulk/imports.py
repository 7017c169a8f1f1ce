"""Importing customers batch by batch, each in a transaction of its own, so that an import can be killed and run again."""

import math
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

# What ends a batch: so many records, so much text in memory, or so many plain passwords, whose hashes a kill would lose.
BATCH = 10_000
_CHARACTERS = 16 * 1024 * 1024
_PLAIN_PASSWORDS = 200

_FATES = ("added", "updated", "skipped")
_TRIES = 20
# Somebody else wrote the same at the same time; the next try sees what was written.
_AGAIN = (pg_errors.UniqueViolation, pg_errors.DeadlockDetected)
_ANOTHER = "?"  # what a dry run takes for a hash that it does not make: no account has it


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
    """What has become of a batch: counts by "read" and fate, why lines were rejected, and which groups were made."""

    counts: Counter[str] = field(default_factory=Counter)
    rejected: list[tuple[int, str]] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)  # names by what they are compared by


def run(ctx: Context, records: Iterable[Record], options: Options, *, batch: int = BATCH) -> Iterator[Outcome]:
    """Import the records; yield the outcome of each batch once it is committed.

    Whoever else writes at the same time is waited for, and loses nothing.
    """
    settings = ctx.settings
    hasher = Hasher(settings.bcrypt_rounds, threads=settings.workers * settings.hashing_threads, max_wait=math.inf)
    with ctx.db.unhurried() as conn:
        staging.prepare(conn, remember=options.update or options.dry_run)
        for read, checked in _batches(records, options, batch):
            _hash(conn, hasher, options, checked)
            done = _load(conn, options, checked)
            done.counts.update(read.counts)
            done.rejected += read.rejected
            yield done


def _batches(records: Iterable[Record], options: Options, most: int) -> Iterator[tuple[Outcome, list[dict[str, Any]]]]:
    """Yield the rows of a batch, and what is known of its records by then."""
    read, checked, plain, characters = Outcome(), list[dict[str, Any]](), 0, 0
    for record in records:
        read.counts["read"] += 1
        characters += record.size
        try:
            row = rows.check(record, lenient=options.lenient)
            checked.append(row)
            plain += "password" in row
        except rows.Rejected as fault:
            read.rejected.append((record.line, str(fault)))
        if read.counts["read"] >= most or plain >= _PLAIN_PASSWORDS or characters >= _CHARACTERS:
            yield read, checked
            read, checked, plain, characters = Outcome(), [], 0, 0
    yield read, checked


def _hash(conn: Connection, hasher: Hasher, options: Options, checked: list[dict[str, Any]]) -> None:
    """Give the rows with plain passwords their hashes, but those whose customers keep the password that they have."""
    plain = [row for row in checked if "password" in row]
    if not plain:
        return
    stored = staging.find_passwords(conn, [row["email"] for row in plain])
    if options.update:
        # What matches stays: to hash it anew would be a change at every run.
        matches = hasher.match_all((plain[place]["password"], hashed) for place, hashed in stored.items())
        keep = {place for place, matched in zip(stored, matches, strict=True) if matched}
    else:
        keep = set(stored)
    new = [row for place, row in enumerate(plain) if place not in keep]
    hashes = [_ANOTHER] * len(new) if options.dry_run else hasher.hash_all(row["password"] for row in new)
    for row, hashed in zip(new, hashes, strict=True):
        row["password_hash"] = hashed


def _load(conn: Connection, options: Options, checked: list[dict[str, Any]]) -> Outcome:
    """Do with a batch what is to be done, again if somebody else was quicker."""
    for _ in range(_TRIES - 1):
        try:
            return _try_to_load(conn, options, checked)
        except DBAPIError as error:
            if not isinstance(error.orig, _AGAIN):
                raise
    return _try_to_load(conn, options, checked)


def _try_to_load(conn: Connection, options: Options, checked: list[dict[str, Any]]) -> Outcome:
    done = Outcome()
    tx = Transaction(conn)
    with driver(conn).transaction():
        staging.stage(conn, checked)
        missing = staging.find_groups(conn)
        if options.create_groups:
            done.groups.update(missing)
            if not options.dry_run:
                _make_groups(tx, missing.values())
        if options.update and not options.dry_run:
            staging.lock(conn)
        for line, fate in staging.judge(conn, asdict(options)):
            if fate in _FATES:
                done.counts[fate] += 1
            else:
                done.rejected.append((line, fate))
        if not options.dry_run:
            staging.write(conn)
            details = {"added": done.counts["added"], "updated": done.counts["updated"]}
            if any(details.values()):
                trail.record(tx, OPERATOR, None, {"customers_imported": details})
    tx.committed()
    return done


def _make_groups(tx: Transaction, names: Iterable[str]) -> None:
    for name in names:
        group = groups_sql.insert(tx.conn, uuid4(), name)
        if group is not None:
            trail.record(tx, OPERATOR, Subject("group", group.uuid), {"group_created": {}})
    staging.find_groups(tx.conn)
