"""What a read returns whose JSON the database has written: one thing with its version, or a page of a list."""

import json
from typing import Any, NamedTuple

encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Document(NamedTuple):
    """One thing as the JSON text that is answered, and its version, which is its ETag."""

    body: str
    version: str

    def extended(self, member: str, text: str) -> "Document":
        """Return this JSON object with one more member, whose value is a JSON text."""
        return Document(f'{self.body[:-1]},"{member}":{text}}}', self.version)

    def parsed(self) -> Any:
        """Return the JSON as Python values."""
        return json.loads(self.body)


class Page(NamedTuple):
    """A page of a list: its items as the JSON text of an array, how many they are, and its place among all."""

    body: str
    size: int
    total: int
    number: int
    limit: int

    @property
    def last(self) -> int:
        """The number of the last page; 1 where there is nothing."""
        return max(1, -(-self.total // self.limit))

    @property
    def first_item(self) -> int | None:
        """The place of the first item among all, from 1; None on an empty page."""
        return (self.number - 1) * self.limit + 1 if self.size else None

    @property
    def last_item(self) -> int | None:
        """The place of the last item among all; None on an empty page."""
        return (self.number - 1) * self.limit + self.size if self.size else None

    def parsed(self) -> Any:
        """Return the items as Python values."""
        return json.loads(self.body)
