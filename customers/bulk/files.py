"""Reading a file of customers: CSV with a header, or a JSON object a line. Records come one by one, with their lines.

What is wrong with a record is said of that record, and reading goes on behind it. Bytes that are not UTF-8 become lone
surrogates, which no rule lets pass.
"""

import csv
import io
import itertools
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from customers.bulk import cells
from customers.parsing import refuse_constant

# What a file may hold of a customer, in the order of an export; only the last is not for CSV.
COLUMNS = (
    "uuid",
    "email",
    "full_name",
    "status",
    "group",
    "created_at",
    "updated_at",
    "meta_data",
    "password_hash",
    "password",
    "addresses",
)
_LONGEST_LINE = 4 * 1024 * 1024  # characters
_TOO_LONG = "\udcff\n"  # stands for a line that is longer; no rule lets it pass


class FileRefused(Exception):
    """The file as a whole is not what can be imported; nothing has been changed."""


@dataclass(slots=True)
class Record:
    """What stands in a line, JSON values or a CSV file's texts, None for an empty cell; or what is wrong with it."""

    line: int
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None


class _Lines:
    """The lines of a file, numbered from 1, with a way back to the one behind the last record's first."""

    def __init__(self, file: BinaryIO) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._again: list[str] = []
        self._taken: list[str] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else self._text.readline(_LONGEST_LINE)
        if not line:
            # Or the wrapper would close the file at its own end, which is for whoever has opened it.
            self._text.detach()
            self._text = io.TextIOWrapper(io.BytesIO())
            raise StopIteration
        self.number += 1
        if len(line) == _LONGEST_LINE and not line.endswith("\n"):
            while (rest := self._text.readline(_LONGEST_LINE)) and not rest.endswith("\n"):
                pass
            line = _TOO_LONG
        self._taken.append(line)
        return line

    def begin(self) -> int:
        """Begin a record; return the number of its first line."""
        self._taken.clear()
        return self.number + 1

    def back(self) -> None:
        """Go back to the second line of the record that was begun."""
        again = self._taken[1:]
        self._again.extend(reversed(again))
        self.number -= len(again)
        self._taken.clear()


def read(file: BinaryIO, kind: str | None, delimiter: str, needed: Mapping[tuple[str, ...], str]) -> Iterator[Record]:
    """Return the records of a file; without a kind, one that begins with a brace is NDJSON, any other CSV.

    ``needed`` are columns of which a CSV file must have one, each with a way out. Raises FileRefused, at once, for a
    header that does not fit.
    """
    lines = _Lines(file)
    first = next((line for line in lines if line.strip()), "")
    lines.begin()
    if not first:
        return iter(())
    if kind is None:
        kind = "ndjson" if first.lstrip().startswith("{") else "csv"
    if kind == "csv":
        header = _header(first, delimiter, needed)
        return _read_csv(lines, header, delimiter)
    record = _from_json(lines.number, first)
    _refuse_unknown(record.values)
    return itertools.chain([record], _read_ndjson(lines))


def _header(line: str, delimiter: str, needed: Mapping[tuple[str, ...], str]) -> list[str]:
    try:
        header = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise FileRefused(f"the header is not CSV: {error}") from None
    _refuse_unknown(header)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise FileRefused(f"the header names twice: {', '.join(twice)}")
    for names, way_out in needed.items():
        if not set(names) & set(header):
            raise FileRefused(f"the header has no column {' or '.join(names)}{way_out}")
    if "addresses" in header:
        raise FileRefused("addresses are for NDJSON only")
    return header


def _refuse_unknown(names: Collection[str]) -> None:
    known = ", ".join(COLUMNS)
    unknown = [name for name in names if name not in COLUMNS]
    if unknown and len(unknown) == len(names):
        # Nor is it repeated: without a header, this is somebody's row.
        raise FileRefused(f"the file does not begin with known columns, which are {known}")
    if unknown:
        said = ", ".join(repr(name[:50]) for name in unknown[:20])
        raise FileRefused(f"these columns are not known: {said}; known are {known}")


def _read_csv(lines: _Lines, header: list[str], delimiter: str) -> Iterator[Record]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    width = len(header)
    while True:
        line = lines.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # As a rule a quote that is not closed, and the lines behind it are none of this record.
            lines.back()
            yield Record(line, fault=f"The line is not CSV: {error}.")
        else:
            if len(row) == width:
                yield Record(line, _values(header, row))
            elif row:
                yield Record(line, fault=f"The line has {len(row)} cells, the header {width}.")


def _values(header: list[str], row: list[str]) -> dict[str, str | None]:
    values: dict[str, str | None] = dict(zip(header, row, strict=True))
    if "" in row or "'" in "".join(row):  # most rows need no more
        for name, cell in zip(header, row, strict=True):
            values[name] = (cell if name == "password" else cells.unguard(cell)) or None
    return values


def _read_ndjson(lines: _Lines) -> Iterator[Record]:
    for text in lines:
        if not text.isspace():
            yield _from_json(lines.number, text)
        lines.begin()


_decoder = json.JSONDecoder(parse_constant=refuse_constant)


def _from_json(line: int, text: str) -> Record:
    try:
        values = _decoder.decode(text.strip())
    except (ValueError, RecursionError):
        return Record(line, fault="The line is not JSON.")
    if not isinstance(values, dict):
        return Record(line, fault="The line is not a JSON object.")
    return Record(line, values)
