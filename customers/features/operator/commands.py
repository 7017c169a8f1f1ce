"""The `flask` commands of the operator."""

import errno
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import click
import psycopg
from flask import Blueprint
from marshmallow import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from customers import rules
from customers.db import migrate, purge as ended
from customers.errors import SchemaMissing, ServiceError
from customers.evershop import check
from customers.evershop.service import RIGHTS as EVERSHOP_RIGHTS, SETUP as EVERSHOP
from customers.features.audit import service as audit
from customers.features.sessions import service as admins
from customers.http import context
from customers.mail import outbox as mails
from customers.telemetry import logs

blueprint = Blueprint("operator", __name__, cli_group=None)


class Command(click.Command):
    """A command that reports a refusal in one line, with exit status 1 (wrong usage is 2, as always with click)."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except (ServiceError, migrate.SchemaConflict) as refusal:
            raise click.ClickException(str(refusal)) from None
        except (SQLAlchemyError, psycopg.Error) as error:
            if isinstance(getattr(error, "orig", error), migrate.NO_SCHEMA):
                raise click.ClickException(SchemaMissing.message) from None
            raise click.ClickException(f"the database says: {logs.message(error)}") from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # click's
                raise
            raise click.ClickException(f"{error.filename or 'output'}: {error.strerror}") from None


@blueprint.cli.command("init-db", cls=Command)
@click.option("--repair-defaults", is_flag=True, help="Leave a customer the newest of several default addresses.")
@click.option("--recount", is_flag=True, help="Count the customers anew, after rows were loaded without triggers.")
@click.option("--evershop", is_flag=True, help="Add what living beside a running EverShop needs (docs/evershop.md).")
def init_db(repair_defaults: bool, recount: bool, evershop: bool) -> None:
    """Create or update the database schema.

    Safe to repeat, on an empty database, on one of this service, and on that of an EverShop: nothing that stands is
    changed or lost. Where existing rows stand in the way, it names them, changes nothing, and exits with status 1.
    """
    more = (EVERSHOP,) if evershop else ()
    applied = migrate.apply(context.current().db, *more, repair_defaults=repair_defaults, recount=recount)
    newer = applied > migrate.version()
    said = f"The database schema is at version {applied}"
    said += ": that of a newer release, so nothing was changed." if newer else "."
    if newer and (repair_defaults or recount):
        raise click.ClickException(said)
    click.echo(said)
    if evershop and not newer:
        click.echo("Apply deploy/role.sql now. It gives the service's role these rights to EverShop's tables:")
        click.echo("".join(f"  {rights}\n" for rights in EVERSHOP_RIGHTS), nl=False)


@blueprint.cli.command("check-evershop", cls=Command)
def check_evershop() -> None:
    """Tell what stands in the way of running beside an EverShop, and change nothing.

    Each line begins with ok, warning or stop. What says stop must be put right first: then the exit status is 1. Run it
    as the role that owns the tables before `init-db --evershop`, and as the service's role after it.
    """
    ctx = context.current()
    stops = 0
    for level, text in check.findings(ctx.db, ctx.settings):
        click.echo(f"{level:<8} {logs.printable(text)}")
        stops += level == "stop"
    if stops:
        raise click.ClickException(f"{stops} of these must be put right first.")


@blueprint.cli.command("create-admin", cls=Command)
@click.argument("email")
@click.option("--full-name", metavar="NAME", help="Name of the admin; needed for a new one.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
@click.option("--reset-password", is_flag=True, help="Give an admin who exists this password, and end the sessions.")
def create_admin(email: str, full_name: str | None, password_stdin: bool, reset_password: bool) -> None:
    """Create the admin EMAIL, who can sign in at /admin/user/login at once.

    Asks for the password twice, without showing it, or reads it with --password-stdin. An admin who exists is an
    error, with exit status 1, unless --reset-password is given.
    """
    email = _checked("EMAIL", rules.email, email)
    if full_name is not None:
        full_name = _checked("--full-name", partial(rules.text, shortest=1), full_name)
    elif not reset_password:
        raise click.UsageError("Missing option '--full-name'.")
    if password_stdin:
        password = sys.stdin.readline().removesuffix("\n").removesuffix("\r")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    password = _checked("password", rules.new_password, password)

    admin = admins.create_admin(
        context.current(), email=email, password=password, full_name=full_name, reset=reset_password
    )
    done = "created." if admin.created else "has a new password; all sessions have ended."
    click.echo(f"Admin {admin.email} {done}")


@blueprint.cli.command("purge", cls=Command)
def purge() -> None:
    """Delete sessions, reset tokens, idempotency keys, old mails and known networks whose time is over.

    Run it daily or so; beside an EverShop each minute, since its pages do not know when a session ends here. It works
    in small transactions and may run while the service does, or twice at once.
    """
    ctx = context.current()
    if ctx.evershop is not None:
        ctx.evershop.before_purge(ctx.db)
    deleted = ended.purge(ctx.db, ctx.settings)
    click.echo("Deleted " + ", ".join(f"{count} {name}" for name, count in deleted.items()) + ".")


@blueprint.cli.command("purge-audit", cls=Command)
@click.option("--older-than", "days", type=click.IntRange(1, 36_500), default=400, show_default=True, help="In days.")
def purge_audit(days: int) -> None:
    """Delete the entries of the audit trail that are older than DAYS days.

    Needs the role that owns the tables: the service's own (deploy/role.sql) cannot delete them. It works in small
    transactions and may run while the service does. That it was run is an entry itself.
    """
    click.echo(f"Deleted {audit.purge(context.current(), days)} audit entries.")


@blueprint.cli.command("outbox", cls=Command)
@click.option("--retry", is_flag=True, help="Have the mails that were given up tried again, for another day.")
def outbox(retry: bool) -> None:
    """Show the mail that waits, and the mail that was given up."""
    with context.current().db.autocommit() as conn:
        if retry:
            click.echo(f"{mails.retry_failed(conn)} mails will be tried again.")
        unsent = mails.list_unsent(conn)
    for mail in unsent:
        state = "given up" if mail.failed_at else f"next attempt {mail.next_attempt_at:%Y-%m-%d %H:%M:%S}"
        error = f": {logs.printable(mail.last_error)}" if mail.last_error else ""
        about = f"{mail.outbox_mail_id} {mail.kind} to {logs.printable(mail.recipient)}"
        click.echo(f"{about}, {mail.attempts} attempts, {state}{error}")
    click.echo(f"{len(unsent)} mails are unsent.")


def _checked(name: str, rule: Callable[[str], str], value: str) -> str:
    """Return a value as a rule of the API takes it. Raises UsageError with the rule's own message."""
    try:
        return rule(value)
    except ValidationError as fault:
        raise click.UsageError(f"{name}: {' '.join(str(text) for text in fault.messages)}") from None
