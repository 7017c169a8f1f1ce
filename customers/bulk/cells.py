"""Cells of a CSV file that no spreadsheet takes for a formula.

A cell that could be one gets a leading apostrophe, and so does a cell that has such apostrophes already; so taking one
away gives every text back.
"""

import re

# What makes a formula in one spreadsheet or another, blanks before it left aside (OWASP's "CSV Injection", and the
# full-width forms that Japanese and Chinese keyboards type).
_FORMULA = re.compile(r"'*(?:[\t\r\n]|\s*[-=+@\uff0d\uff1d\uff0b\uff20])")
_GUARDED = re.compile(rf"'{_FORMULA.pattern}")


def guard(text: str) -> str:
    """Return a text as a cell that is no formula."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(cell: str) -> str:
    """Return the text that a cell stands for."""
    return cell[1:] if cell.startswith("'") and _GUARDED.match(cell) else cell
