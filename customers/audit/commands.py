"""`flask purge-audit`."""

import click
from flask.cli import with_appcontext

from customers.api import resources
from customers.audit import service
from customers.command import Command


@click.command("purge-audit", cls=Command)
@click.option(
    "--older-than", "days", type=click.IntRange(1, 36_500), required=True, metavar="DAYS", help="Keep the younger ones."
)
@click.option("--batch", type=click.IntRange(1, 100_000), default=10_000, show_default=True, help="Rows a transaction.")
@with_appcontext
def purge_audit(days: int, batch: int) -> None:
    """Delete the entries of the audit trail that are older than DAYS days.

    Needs the role that owns the tables: the service's own (deploy/role.sql) cannot delete them. It works in small
    transactions and may run while the service does. That it was run is an entry itself.
    """
    resources().prepare()
    click.echo(f"Deleted {service.purge(resources(), days, batch)} audit entries.")
