"""What a violated constraint means, by its name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import IntegrityError

from customers.errors import ServiceError


@contextmanager
def constraints(meaning: Mapping[str, Callable[[], ServiceError]]) -> Iterator[None]:
    """Raise the error that a violated constraint stands for; any other violation passes as it is."""
    try:
        yield
    except (IntegrityError, psycopg.IntegrityError) as violation:  # SQLAlchemy's around psycopg's, or that itself
        diagnosis = getattr(getattr(violation, "orig", violation), "diag", None)
        error = meaning.get(getattr(diagnosis, "constraint_name", None) or "")
        if error is None:
            raise
        raise error() from None
