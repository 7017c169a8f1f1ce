"""Reading a file of customers, CSV with a header or NDJSON (a JSON object a line), record by record.

What stands inside a quoted cell is never read as a record. So reading ends at a line that is not CSV: behind it nobody
can tell what is quoted. Any other fault costs its own record only.
"""

import csv
import json
import re
import string
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, TextIO

from customers.http.json_body import refuse_constant

# What a file may hold of a customer, in the order of an export.
COLUMNS = (
    *("uuid", "email", "full_name", "status", "group", "created_at", "updated_at", "meta_data"),
    *("password_hash", "password", "addresses"),
)
LONGEST = 16 * 1024 * 1024  # characters of a record, and so of a cell: what an import may hold in memory

# What a file begins with that is neither CSV nor NDJSON -> what it is, and what to do.
_SIGNATURES = {
    b"PK\x03\x04": "an Excel workbook (.xlsx) or another ZIP archive; save the sheet as CSV in UTF-8",
    b"\xd0\xcf\x11\xe0": "an Excel workbook (.xls); save the sheet as CSV in UTF-8",
    b"\x1f\x8b": "compressed by gzip; decompress it first",
    b"\xff\xfe": "text in UTF-16; save it in UTF-8",
    b"\xfe\xff": "text in UTF-16; save it in UTF-8",
    b"sep=": 'made for Excel, by its first line "sep="; delete that line',
    b"[": "a JSON array; NDJSON has an object a line, which jq --compact-output '.[]' makes of an array",
}
_DELIMITERS = ",;\t"
_BLANK = string.whitespace + _DELIMITERS
_NOT_UTF8 = re.compile("[\udc80-\udcff]")  # what becomes of such bytes
_decoder = json.JSONDecoder(parse_constant=refuse_constant)

# What makes a formula in one spreadsheet or another, blanks before it left aside (OWASP's "CSV Injection", and the
# full-width forms that Japanese and Chinese keyboards type).
_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[-=+@\uff0d\uff1d\uff0b\uff20])")


def guard(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula; unguard() gives every text back."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(cell: str) -> str:
    """Return the text of a cell that guard() made."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell, 1) else cell


class FileRefused(Exception):
    """The file as a whole cannot be imported; nothing has been changed. The message repeats no row of it."""


@dataclass(slots=True)
class Record:
    """JSON values or a CSV file's texts by column, None for an empty cell; or what is wrong with the record."""

    line: int
    values: Mapping[str, Any] = field(default_factory=dict)
    fault: str | None = None
    size: int = 0  # in characters


class Reader:
    """The records of a file. Once they are read, ``stopped_at`` is the line at which reading ended early, if it did."""

    def __init__(self, file: TextIO) -> None:
        """Read the header: a file that begins with a brace is NDJSON, any other CSV. Raises FileRefused."""
        self.stopped_at: int | None = None
        self._file = file
        self._number = 0  # of lines read
        self._begin()
        first = next((line for line in iter(self._read, "") if line.strip(_BLANK)), "")
        _refuse_other_formats(first)
        self._records: Iterator[Record] = iter(())
        if first.lstrip().startswith("{"):
            _refuse_unknown(self._object(first).values)
            self._records = self._objects(first)
        elif first:
            self._records = self._rows(*_header(first))

    def __iter__(self) -> Iterator[Record]:
        try:
            yield from self._records
        except csv.Error as error:
            self.stopped_at = self._begun
            yield Record(self._begun, fault=f"The line cannot be read: {error}. Nothing behind it was read.")

    def _begin(self) -> int:
        """Begin a record; return the number of its first line."""
        self._size = 0
        self._begun = self._number + 1
        return self._begun

    def _read(self) -> str:
        line = self._file.readline(LONGEST)
        self._number += bool(line)
        self._size += len(line)
        return line

    def _lines(self) -> Iterator[str]:
        while line := self._read():
            if self._size >= LONGEST:
                raise csv.Error(f"a record of {LONGEST} characters or more")
            yield line

    def _objects(self, first: str) -> Iterator[Record]:
        for line in chain([first], self._lines()):
            if not line.isspace():
                yield self._object(line)
            self._begin()

    def _object(self, line: str) -> Record:
        if _NOT_UTF8.search(line):
            return Record(self._number, fault="The line is not UTF-8.")
        try:
            values = _decoder.decode(line.strip())
        except (ValueError, RecursionError):
            return Record(self._number, fault="The line is not JSON.")
        if not isinstance(values, dict):
            return Record(self._number, fault="The line is not a JSON object.")
        return Record(self._number, values, size=self._size)

    def _rows(self, header: list[str], delimiter: str) -> Iterator[Record]:
        csv.field_size_limit(LONGEST)
        reader = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        line = self._begin()
        for row in reader:
            whole = "".join(row)
            if not whole.isascii() and _NOT_UTF8.search(whole):
                yield Record(line, fault="The line is not UTF-8.")
            elif whole and not whole.isspace():
                if len(row) < len(header) or any(row[len(header) :]):
                    yield Record(line, fault=f"The line has {len(row)} cells, the header {len(header)}.")
                else:
                    cells = zip(header, row, strict=False)  # what is beyond the header is empty
                    values = {name: (cell if name == "password" else unguard(cell)) or None for name, cell in cells}
                    yield Record(line, values, size=self._size)
            line = self._begin()


def _refuse_other_formats(first: str) -> None:
    """Raise FileRefused if the first line is that of a file which is neither CSV nor NDJSON."""
    begin = first[:100].encode(errors="surrogateescape")
    for signature, said in _SIGNATURES.items():
        if begin.lstrip().startswith(signature):
            raise FileRefused(f"the file is {said}")
    if b"\0" in begin:
        raise FileRefused("the file is not text in UTF-8, but perhaps in UTF-16; save it in UTF-8")
    if len(first) >= LONGEST:
        raise FileRefused(f"the first line has {LONGEST} characters or more")


def _header(line: str) -> tuple[list[str], str]:
    """Return the columns of a header, nameless ones at its end left out, and the delimiter. Raises FileRefused."""
    delimiter = max(_DELIMITERS, key=line.count)
    try:
        header = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter, strict=True))]
    except csv.Error as error:
        raise FileRefused(f"the header is not CSV: {error}") from None
    while header and not header[-1]:
        header.pop()
    _refuse_unknown(header)
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise FileRefused(f"the header names twice: {', '.join(twice)}")
    if "email" not in header:
        raise FileRefused("the header has no column email")
    if "addresses" in header:
        raise FileRefused("addresses are for NDJSON only")
    return header, delimiter


def _refuse_unknown(names: Collection[str]) -> None:
    known = ", ".join(COLUMNS)
    unknown = [name for name in names if name not in COLUMNS]
    if unknown and len(unknown) == len(names):
        # Nor is it repeated: without a header, this is somebody's row.
        raise FileRefused(f"the file does not begin with known columns, which are {known}")
    if unknown:
        listed = ", ".join(repr(name[:50]) for name in unknown[:20])
        raise FileRefused(f"these columns are not known: {listed}; known are {known}")
