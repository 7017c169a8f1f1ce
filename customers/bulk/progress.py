"""What an import shows while it runs, on standard error."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

import click

EVERY = 5.0  # seconds between lines, where there is no terminal


@contextmanager
def progress(file: BinaryIO, *, every: float = EVERY) -> Iterator[Callable[[Mapping[str, int]], None]]:
    """Return a function that takes the counts so far and shows them: on a terminal as a bar, else as lines now and then."""
    size = os.fstat(file.fileno()).st_size if file.seekable() else 0
    if size and sys.stderr.isatty():
        with click.progressbar(length=size, file=sys.stderr, show_pos=False) as bar:
            yield lambda _: bar.update(file.tell() - bar.pos)
        return
    shown = time.monotonic()

    def show(counts: Mapping[str, int]) -> None:
        nonlocal shown
        if time.monotonic() - shown >= every:
            shown = time.monotonic()
            share = f" ({file.tell() * 100 // size} %)" if size else ""
            line = f"{counts['read']} rows read{share}, {counts['added']} added, {counts['updated']} updated"
            click.echo(f"{line}, {counts['rejected']} rejected", err=True)

    yield show
