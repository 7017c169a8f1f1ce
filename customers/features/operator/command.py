"""What all `flask` commands have in common."""

from typing import Any

import click
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from customers.db.migrate import NO_SCHEMA, SchemaConflict
from customers.errors import SchemaMissing, ServiceError


class Command(click.Command):
    """A command that reports a refusal in one line, with exit status 1 (wrong usage is 2, as always with click)."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (ServiceError, SchemaConflict) as refusal:
            raise click.ClickException(str(refusal)) from None
        except (SQLAlchemyError, psycopg.Error) as error:
            cause = getattr(error, "orig", None) or error
            if isinstance(cause, NO_SCHEMA):
                raise click.ClickException(SchemaMissing.message) from None
            # Not the details behind the message: they may hold a row, and with it a hash.
            said = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause).strip()
            raise click.ClickException(f"the database says: {said}") from None
