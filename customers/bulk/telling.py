"""What an import tells while it runs: how far it is, and which lines were rejected."""

import csv
import io
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

import click

from customers.bulk.service import Counts

_EVERY = 5.0  # seconds between lines, where there is no terminal


@dataclass
class Totals:
    """How many records have become what."""

    read: int = 0
    added: int = 0
    updated: int = 0
    skipped: int = 0
    rejected: int = 0

    def add(self, counts: Counts) -> None:
        """Add what has been done since."""
        self.read += counts.read
        self.added += counts.added
        self.updated += counts.updated
        self.skipped += counts.skipped
        self.rejected += len(counts.rejected)


class Rejects:
    """A file of lines and reasons, made when there is something to write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file:
            self._file.close()

    def write(self, rejected: Iterable[tuple[int, str]]) -> None:
        """Write numbers of lines, with why they were rejected."""
        rejected = list(rejected)
        if not rejected:
            return
        if self._file is None:
            self._file = self._path.open("w", encoding="utf-8", errors="replace", newline="")
            self._file.write("line,reason\n")
        csv.writer(self._file, lineterminator="\n").writerows(sorted(rejected))
        self._file.flush()


@contextmanager
def progress(file: BinaryIO) -> Iterator[Callable[[Totals], None]]:
    """Return a function that is told the totals and shows them on standard error: a bar, or lines now and then."""
    size = _size(file)
    if size and sys.stderr.isatty():
        with click.progressbar(length=size, file=sys.stderr, show_pos=False) as bar:
            yield lambda _: bar.update(file.tell() - bar.pos)
        return
    told = time.monotonic()

    def tell(total: Totals) -> None:
        nonlocal told
        if time.monotonic() - told >= _EVERY:
            told = time.monotonic()
            share = f" ({file.tell() * 100 // size} %)" if size else ""
            click.echo(f"{total.read} rows read{share}, {total.added} added, {total.rejected} rejected", err=True)

    yield tell


def _size(file: BinaryIO) -> int | None:
    """Return a file's size in bytes, or None for what is no file."""
    try:
        return os.fstat(file.fileno()).st_size if file.seekable() else None
    except io.UnsupportedOperation:
        return None
