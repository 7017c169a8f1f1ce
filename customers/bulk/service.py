"""Importing customers: batch by batch, each in a transaction of its own, so that it can be broken off and run again.

One thread reads and checks; others hand the batches over to the database, which works meanwhile.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from queue import SimpleQueue

from psycopg import errors as pg_errors
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from customers import database
from customers.audit import trail
from customers.bulk import lookups, rows, sql, staging
from customers.bulk.batches import Batch
from customers.bulk.files import Record
from customers.bulk.groups import Groups
from customers.bulk.rows import Options, Rejected, Row
from customers.identity import OPERATOR
from customers.passwords import UNUSABLE, Hasher
from customers.processors import processors
from customers.resources import Resources

BATCH = 10_000  # rows of a transaction
_HASHES = 200  # plain passwords of a transaction: what being broken off may cost
_LOADERS = 2
_TRIES = 20
# Somebody else wrote the same at the same time; the next try sees what was written.
_AGAIN = (pg_errors.UniqueViolation, pg_errors.DeadlockDetected)
_ANOTHER = "?"  # what a dry run takes for a hash that it does not make: no account has it


@dataclass
class Counts:
    """What has become of records; ``rejected`` pairs lines with reasons."""

    read: int = 0
    added: int = 0
    updated: int = 0
    skipped: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)

    def reject(self, lines: Iterable[int], reason: str) -> None:
        """Count these lines as rejected."""
        self.rejected += [(line, reason) for line in lines]

    def twice(self, lines: Sequence[int], options: Options) -> None:
        """Count lines whose address stood in the file before: an update cannot mean both."""
        if options.update:
            self.reject(lines, rows.TWICE)
        else:
            self.skipped += len(lines)


def run(
    resources: Resources, records: Iterable[Record], options: Options, groups: Groups, batch: int = BATCH
) -> Iterator[Counts]:
    """Import the records; yield the counts of what is done, again and again.

    Whoever else writes at the same time is waited for, and loses nothing.
    """
    # What a file has named before is kept with the connection.
    loaders = 1 if options.update or options.dry_run else _LOADERS
    hasher = Hasher(resources.settings.bcrypt_rounds, threads=processors(), max_wait=math.inf)
    with ExitStack() as stack:
        conns = [stack.enter_context(resources.database.at_length()) for _ in range(loaders)]
        for conn in conns:
            with database.transaction(conn):
                staging.prepare(conn)
        pool = stack.enter_context(_Loaders(conns, options))
        for counts, taken, names in _gather(records, options, groups, batch):
            hashed = _hash(resources, hasher, options, taken, counts)
            yield counts
            if hashed:
                yield from pool.submit(Batch.of(hashed, names))
        yield from pool.finish()


def _gather(
    records: Iterable[Record], options: Options, groups: Groups, batch: int
) -> Iterator[tuple[Counts, list[Row], set[str]]]:
    """Yield the rows in batches, with the counts of the records read for each, and what its rows alone may be named."""
    counts, taken, names, plain = Counts(), list[Row](), set[str](), 0
    for record in records:
        counts.read += 1
        row = _check(record, options, groups, counts)
        if row is None:
            pass
        elif row.key in names:
            counts.twice([row.line], options)
        elif (given := row.uuids()) and not names.isdisjoint(given):
            counts.reject([row.line], rows.TAKEN)
        else:
            taken.append(row)
            names.add(row.key)
            names.update(given)
            plain += row.plain is not None
        if len(taken) >= batch or plain >= _HASHES or counts.read >= 2 * batch:
            yield counts, taken, names
            counts, taken, names, plain = Counts(), [], set(), 0
    yield counts, taken, names


def _check(record: Record, options: Options, groups: Groups, counts: Counts) -> Row | None:
    try:
        return rows.check(record, options, groups.find)
    except Rejected as rejected:
        counts.reject([record.line], str(rejected))
        return None


def _hash(resources: Resources, hasher: Hasher, options: Options, taken: list[Row], counts: Counts) -> list[Row]:
    """Return the rows with their plain passwords hashed, without those that are there and are to stay as they are."""
    plain = {row.key: row.plain for row in taken if row.plain is not None}
    if not plain:
        return taken
    with resources.database.reading() as conn:
        stored = lookups.find_hashes(conn, list(plain))
    if options.update:
        matches = hasher.match_all((plain[key], hashed) for key, hashed in stored.items())
        # What matches stays: to hash it anew would be a change at every run.
        done = {key for key, matched in zip(stored, matches, strict=True) if matched}
    else:
        done = set(stored)
        counts.skipped += len(done)
        taken = [row for row in taken if row.key not in done]
    new = {key: password for key, password in plain.items() if key not in done}
    hashes = [_ANOTHER] * len(new) if options.dry_run else hasher.hash_all(new.values())
    made = dict(zip(new, hashes, strict=True))
    for row in taken:
        row.password = made.get(row.key, row.password)
    return taken


class _Loaders:
    """Threads with a connection each, that load batches into the database; a few batches may wait."""

    def __init__(self, conns: Sequence[Connection], options: Options) -> None:
        self._options = options
        self._most = len(conns) + 1
        self._free: SimpleQueue[Connection] = SimpleQueue()
        for conn in conns:
            self._free.put(conn)
        self._pool = ThreadPoolExecutor(len(conns), "loader")
        self._begun: deque[tuple[Batch, Future[Counts]]] = deque()

    def __enter__(self) -> "_Loaders":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, batch: Batch) -> Iterator[Counts]:
        """Have a batch loaded; yield the counts of those that had to be done before."""
        # The first of two rows that name the same is the one that counts.
        if not all(batch.names.isdisjoint(other.names) for other, _ in self._begun):
            yield from self.finish()
        self._begun.append((batch, self._pool.submit(self._load, batch)))
        while len(self._begun) > self._most:
            yield self._begun.popleft()[1].result()

    def finish(self) -> Iterator[Counts]:
        """Yield the counts of all others."""
        while self._begun:
            yield self._begun.popleft()[1].result()

    def _load(self, batch: Batch) -> Counts:
        conn = self._free.get()
        try:
            if not (self._options.update or self._options.dry_run):
                lines = batch.direct()
                if lines and (counts := _copy(conn, batch, lines)):
                    return counts
            for _ in range(_TRIES - 1):
                try:
                    return _load(conn, self._options, batch)
                except DBAPIError as error:
                    if not isinstance(error.orig, _AGAIN):
                        raise
            return _load(conn, self._options, batch)
        finally:
            self._free.put(conn)


def _copy(conn: Connection, batch: Batch, lines: bytes) -> Counts | None:
    """Copy a batch to where it belongs, which is quickest; None, and nothing done, if anybody in it may be there."""
    try:
        with database.transaction(conn):
            if lookups.are_any_there(conn, batch.names):
                return None
            counts = Counts(added=sql.copy(conn, lines))
            _record(conn, counts)
            return counts
    except pg_errors.UniqueViolation:
        return None


def _load(conn: Connection, options: Options, batch: Batch) -> Counts:
    """Do what is to be done with a batch, in one transaction."""
    counts = Counts()
    with database.transaction(conn):
        staging.stage(conn, batch.staged(), batch.addresses)
        if options.update or options.dry_run:
            counts.twice(staging.refuse_twice(conn), options)
        if batch.identified:
            counts.reject(staging.refuse_taken(conn), rows.TAKEN)
            counts.reject(staging.refuse_taken_address(conn), rows.TAKEN_ADDRESS)
        if options.update or options.dry_run:
            _compare(conn, options, batch, counts)
        if not options.dry_run:
            counts.added = sql.insert(conn, UNUSABLE)
            if batch.addresses:
                sql.insert_addresses(conn)
            _record(conn, counts)
        counts.skipped = len(batch.customers) - counts.added - counts.updated - len(counts.rejected)
    return counts


def _record(conn: Connection, counts: Counts) -> None:
    """Have the audit trail know of a batch, not of each customer in it; one that changes nothing is not told."""
    if counts.added or counts.updated:
        details = {"added": counts.added, "updated": counts.updated}
        trail.record(conn, OPERATOR, None, {"customers_imported": details})


def _compare(conn: Connection, options: Options, batch: Batch, counts: Counts) -> None:
    """Find out what is to be added and to be changed, refuse what cannot be, and change."""
    sql.match(conn)
    if batch.identified and options.dry_run:
        counts.reject(staging.refuse_named_before(conn), rows.TAKEN)
    if options.update:
        if not options.lenient:
            counts.reject(staging.refuse_nameless(conn), rows.NO_NAME)
        if not options.without_passwords:
            counts.reject(staging.refuse_without_hash(conn), rows.NO_HASH)
        if not options.dry_run:
            sql.lock(conn)
        sql.compare(conn)
    found = sql.count(conn)
    counts.added = found.added
    if options.update:
        counts.updated = found.updated
        if not options.dry_run:
            sql.update(conn)
