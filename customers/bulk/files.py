"""Reading a file of customers, CSV with a header or NDJSON (a JSON object a line), record by record.

What stands inside a quoted cell is never read as a record. So the reading ends at a line that is not CSV: after it nobody
can tell what is quoted. Any other fault costs its own record only.
"""

import csv
import io
import itertools
import json
import re
import string
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from customers.http.json_body import refuse_constant

# What a file may hold of a customer, in the order of an export.
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
LONGEST = 4 * 1024 * 1024  # characters of a record, and so of a cell

# What a file begins with that is neither CSV nor NDJSON -> what it is, and what to do.
_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook (.xlsx) or another ZIP archive; save the sheet as CSV in UTF-8",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls); save the sheet as CSV in UTF-8",
    b"\x1f\x8b": "compressed by gzip; decompress it first",
    b"\xff\xfe": "text in UTF-16; save it in UTF-8",
    b"\xfe\xff": "text in UTF-16; save it in UTF-8",
    b"sep=": 'made for Excel, by its first line "sep="; delete that line, and name the delimiter by --delimiter',
    b"[": "a JSON array; NDJSON has an object a line, which jq --compact-output '.[]' makes of an array",
}
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}

_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what becomes of such bytes
_decoder = json.JSONDecoder(parse_constant=refuse_constant)

# What makes a formula in one spreadsheet or another, blanks before it left aside (OWASP's "CSV Injection", and the
# full-width forms that Japanese and Chinese keyboards type).
_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[-=+@\uff0d\uff1d\uff0b\uff20])")


def guard(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula: such a text gets a leading apostrophe.

    So does a text that begins like a guarded one, so that unguard() gives every text back.
    """
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(cell: str) -> str:
    """Return the text of a cell that guard() made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell


class FileRefused(Exception):
    """The file as a whole cannot be imported; the message says what it is and what to do. Nothing has been changed."""


@dataclass(slots=True)
class Record:
    """What a line holds by column, an empty cell as None; or what is wrong with the line."""

    line: int
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None
    size: int = 0  # in characters


class _Lines:
    """The lines of a file, numbered from 1, and what is wrong with those of the current record."""

    def __init__(self, file: BinaryIO) -> None:
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self.number = 0
        self.begin()

    def begin(self) -> int:
        """Begin a record; return the number of its first line."""
        self.size = 0
        self.fault: str | None = None
        return self.number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST)
        if not line:
            raise StopIteration
        self.number += 1
        self.size += len(line)
        if not line.isascii() and _NOT_UTF8.search(line):
            self.fault = "The line is not UTF-8."
        return line if self.size < LONGEST else self._shortened(line)

    def _shortened(self, line: str) -> str:
        """Return what stands for a line of a record that is too long: of its quotes the one that opens or closes a cell."""
        self.fault = f"The record has more than {LONGEST} characters."
        quotes = line.count('"')
        while not line.endswith(("\n", "\r")) and (line := self._text.readline(LONGEST)):
            quotes += line.count('"')
        return '"\n' if quotes % 2 else "\n"


class Reader:
    """The records of a file. Once they are read, ``stopped_at`` is the line at which reading ended early, if it did."""

    def __init__(self, file: BinaryIO, kind: str | None, delimiter: str, needed: Mapping[tuple[str, ...], str]) -> None:
        """Read the header. Without a kind, a file that begins with a brace is NDJSON, any other CSV.

        ``needed`` are columns of which a CSV file must have one, each with an alternative. Raises FileRefused.
        """
        self.stopped_at: int | None = None
        self._lines = _Lines(file)
        self._records: Iterator[Record] = iter(())
        first = next((line for line in self._lines if line.strip(string.whitespace + delimiter)), "")
        _refuse_other_formats(first)
        if kind == "ndjson" or (kind is None and first.lstrip().startswith("{")):
            record = self._object(first)
            _refuse_unknown(record.values)
            self._records = itertools.chain([record], self._objects())
        elif first:
            self._records = self._rows(_header(first, delimiter, needed), delimiter)

    def __iter__(self) -> Iterator[Record]:
        return self._records

    def _objects(self) -> Iterator[Record]:
        self._lines.begin()
        for text in self._lines:
            if self._lines.fault or not text.isspace():
                yield self._object(text)
            self._lines.begin()

    def _object(self, text: str) -> Record:
        fault, values = self._lines.fault, {}
        if not fault:
            try:
                values = _decoder.decode(text.strip())
            except (ValueError, RecursionError):
                fault = "The line is not JSON."
            if not isinstance(values, dict):
                fault, values = "The line is not a JSON object.", {}
        return Record(self._lines.number, values, fault, self._lines.size)

    def _rows(self, header: list[str], delimiter: str) -> Iterator[Record]:
        csv.field_size_limit(LONGEST)
        reader = csv.reader(self._lines, delimiter=delimiter, strict=True)
        while True:
            line = self._lines.begin()
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.stopped_at = line
                yield Record(line, fault=f"The line is not CSV: {error}. From here on nothing is read.")
                return
            if self._lines.fault:
                yield Record(line, fault=self._lines.fault)
            elif len(row) < len(header) or any(row[len(header) :]):
                yield Record(line, fault=f"The line has {len(row)} cells, the header {len(header)}.")
            elif any(cell and not cell.isspace() for cell in row):
                yield Record(line, _values(header, row), size=self._lines.size)


def _values(header: list[str], row: list[str]) -> dict[str, str | None]:
    cells = zip(header, row, strict=False)  # what is beyond the header is empty
    return {name: (cell if name == "password" else unguard(cell)) or None for name, cell in cells}


def _refuse_other_formats(first: str) -> None:
    """Raise FileRefused if the first line is that of a file which is neither CSV nor NDJSON."""
    begin = first[:100].encode(errors="surrogateescape")
    for signature, said in _SIGNATURES.items():
        if begin.startswith(signature):
            raise FileRefused(f"the file is {said}")
    if b"\0" in begin:
        raise FileRefused("the file is not text in UTF-8, but perhaps in UTF-16; save it in UTF-8")


def _header(line: str, delimiter: str, needed: Mapping[tuple[str, ...], str]) -> list[str]:
    try:
        header = _names(line, delimiter)
    except csv.Error as error:
        raise FileRefused(f"the header is not CSV: {error}") from None
    if not set(header) & set(COLUMNS):
        for other, name in _DELIMITERS.items():
            if set(line.lower().replace('"', "").split(other)) & set(COLUMNS):
                raise FileRefused(f"the cells are separated by {name}; add --delimiter {other!r}")
    _refuse_unknown(header)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise FileRefused(f"the header names twice: {', '.join(twice)}")
    for names, alternative in needed.items():
        if not set(names) & set(header):
            raise FileRefused(f"the header has no column {' or '.join(names)}{alternative}")
    if "addresses" in header:
        raise FileRefused("addresses are for NDJSON only")
    return header


def _names(line: str, delimiter: str) -> list[str]:
    """Return the names of a header; columns without a name at its end are none."""
    names = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter, strict=True))]
    while names and not names[-1]:
        names.pop()
    return names


def _refuse_unknown(names: Collection[str]) -> None:
    known = ", ".join(COLUMNS)
    unknown = [name for name in names if name not in COLUMNS]
    if unknown and len(unknown) == len(names):
        # Nor is it repeated: without a header, this is somebody's row.
        raise FileRefused(f"the file does not begin with known columns, which are {known}")
    if unknown:
        raise FileRefused(
            f"these columns are not known: {', '.join(repr(name[:50]) for name in unknown[:20])}; known are {known}"
        )
