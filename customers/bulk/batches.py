"""Rows that go into the database in one transaction, in PostgreSQL's text format."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from customers.bulk import rows
from customers.bulk.rows import Row


@dataclass(frozen=True)
class Batch:
    """Rows as COPY takes them."""

    names: set[str]  # what no two customers share: lower-case e-mail addresses, and uuids where rows bring them
    identified: bool  # whether they do
    customers: list[str]
    places: list[str]  # of each: the line, and whether it names addresses
    addresses: bytes

    @classmethod
    def of(cls, taken: Sequence[Row], names: set[str]) -> "Batch":
        """Return a batch of these rows; who brings no uuid is given one."""
        new = uuids(sum(1 + len(row.addresses or ()) for row in taken))
        return cls(
            names,
            len(names) > len(taken),
            [row.copied(row.uuid or next(new)) for row in taken],
            [f"{row.line}\t{'f' if row.addresses is None else 't'}" for row in taken],
            "".join(line for row in taken for line in row.copied_addresses(new)).encode(),
        )

    def staged(self) -> bytes:
        """Return the lines for staging.COPY."""
        pairs = zip(self.customers, self.places, strict=True)
        return "".join(f"{customer}\t{place}\n" for customer, place in pairs).encode()

    def direct(self) -> bytes | None:
        """Return the lines for sql.COPY; None if they need more than to be copied."""
        if self.addresses:
            return None
        lines = "\n".join([*self.customers, ""])
        return None if f"\t{rows.UNKNOWN}\t" in lines else lines.encode()


_VERSION = bytes(byte & 0x0F | 0x40 for byte in range(256))
_VARIANT = bytes(byte & 0x3F | 0x80 for byte in range(256))


def uuids(count: int) -> Iterator[str]:
    """Return random uuids (RFC 9562, version 4) as hexadecimal digits.

    All of one reading of the system's randomness: PostgreSQL's own function makes a system call for each.
    """
    data = bytearray(os.urandom(16 * count))
    data[6::16] = data[6::16].translate(_VERSION)
    data[8::16] = data[8::16].translate(_VARIANT)
    digits = data.hex()
    return (digits[start : start + 32] for start in range(0, len(digits), 32))
