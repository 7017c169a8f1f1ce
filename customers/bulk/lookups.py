"""What an import asks of the database before it writes: who is there, and which groups."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

# As one text, which an address cannot break up: to make an array of many thousands takes longer than to look for them.
ARE_ANY_THERE = text("""
    SELECT EXISTS (
           SELECT
             FROM unnest(string_to_array(:emails, chr(10))) AS name
             JOIN customer
               ON lower(customer.email) = name)
""")


def are_any_there(conn: Connection, emails: Iterable[str]) -> bool:
    """Return whether any of the lower-case addresses is a customer's."""
    found: bool = conn.execute(ARE_ANY_THERE, {"emails": "\n".join(emails)}).scalar_one()
    return found


FIND_HASHES = text("""
    SELECT lower(email) AS email, password
      FROM customer
     WHERE lower(email) = ANY(:emails)
""")


def find_hashes(conn: Connection, emails: Sequence[str]) -> Mapping[str, str]:
    """Return the hashes of those who are there of the lower-case addresses. Feeds no answer."""
    return {row.email: row.password for row in conn.execute(FIND_HASHES, {"emails": list(emails)})}


LIST_GROUPS = text("""
    SELECT customer_group_id, group_name, lower(group_name) AS folded
      FROM customer_group
     ORDER BY customer_group_id DESC
""")


def list_groups(conn: Connection) -> Sequence[Row[Any]]:
    """Return the groups, with their names as the database compares them."""
    return conn.execute(LIST_GROUPS).all()
