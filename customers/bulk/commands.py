"""`flask import-customers` and `flask export-customers`."""

import csv
import io
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import click
from flask import Blueprint
from marshmallow import ValidationError

from customers.bulk import export, files, imports
from customers.bulk.imports import Options
from customers.features.accounts.schemas import CustomerFilters
from customers.features.operator.commands import Command
from customers.http import context
from customers.telemetry.logs import printable

blueprint = Blueprint("bulk", __name__, cli_group=None)


@blueprint.cli.command("import-customers", cls=Command)
@click.argument("file", type=click.File("rb"))
@click.option("--update", is_flag=True, help="Change the customers who are there to what their rows say.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--create-groups", is_flag=True, help="Make the groups that are not there.")
@click.option("--without-passwords", is_flag=True, help="Take rows without a password: its owner must reset it.")
@click.option("--lenient", is_flag=True, help="Take what old shops hold: no full_name, addresses with blanks.")
@click.option("--rejected", type=click.Path(dir_okay=False, path_type=Path), help="Where rejected lines are listed.")
def import_customers(file: BinaryIO, rejected: Path | None, **chosen: bool) -> None:
    """Import the customers in FILE ("-" for standard input).

    CSV with a header, or NDJSON, a JSON object a line, in UTF-8. docs/commands.md describes the columns.

    Customers are known by their e-mails, in whatever case. Those who are there are skipped. With --update they become
    what their rows say: what a row leaves out stays, addresses are replaced as a whole, a new password or status 0 ends
    all sessions, and nobody is told by mail.

    Rejected rows are listed in FILE.rejected.csv with their reasons, and do not stop the others. An import that was
    broken off can be run again. Exit status: 0 all rows are in or skipped, 1 some are rejected, 2 wrong usage.
    """
    source = None if file is sys.stdin.buffer else Path(file.name)
    target = rejected or Path(f"{source or 'customers'}.rejected.csv")
    if source and target.exists() and target.samefile(source):
        raise click.UsageError("Invalid value for '--rejected': is the file to import.")
    options = Options(**chosen)
    # Line ends stay as they are, and bytes that are not UTF-8 become lone surrogates.
    text = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
    click.get_current_context().call_on_close(text.close)
    try:
        reader = files.Reader(text)
    except files.FileRefused as refusal:
        raise click.UsageError(f"{printable(source or '-')}: {refusal}.") from None

    total, groups = Counter[str](), dict[str, str]()
    with click.open_file(str(target), "w", "utf-8") as rejects:
        writer = csv.writer(rejects, lineterminator="\n")
        writer.writerow(("line", "reason"))
        for outcome in imports.run(context.current(), reader, options):
            writer.writerows(sorted(outcome.rejected))
            rejects.flush()
            total.update(outcome.counts, rejected=len(outcome.rejected))
            groups = outcome.groups | groups
            if total["read"] > outcome.counts["read"] > 0:
                click.echo(f"So far: {_summary(total)}", err=True)
    if groups:
        names = ", ".join(printable(name) for name in list(groups.values())[:20])
        click.echo(f"{'Would make' if options.dry_run else 'Made'} {len(groups)} groups: {names}")
    click.echo(_summary(total, "would be " if options.dry_run else ""))
    if reader.stopped_at:
        click.echo(f"Nothing from line {reader.stopped_at} on was read: mend that line, and run again.", err=True)
    if total["rejected"]:
        raise click.ClickException(f"{total['rejected']} rows were rejected; {printable(target)} says which and why")


def _summary(total: Counter[str], would: str = "") -> str:
    fates = ", ".join(f"{total[fate]} {would}{fate}" for fate in imports.FATES)
    return f"{total['read']} rows read: {fates}, {total['rejected']} rejected."


def _with_filters(command: Callable[..., None]) -> Callable[..., None]:
    for name, field in reversed(CustomerFilters().fields.items()):
        about = f"{field.metadata['description']}."
        command = click.option(f"--{name.replace('_', '-')}", name, metavar="TEXT", help=about)(command)
    return command


@blueprint.cli.command("export-customers", cls=Command)
@click.option("--format", "kind", type=click.Choice(["csv", "ndjson"]), required=True, help="NDJSON has addresses.")
@click.option("--with-hashes", is_flag=True, help="With the password hashes: who has the file can guess passwords.")
@_with_filters
def export_customers(kind: str, with_hashes: bool, **given: str | None) -> None:
    """Write the customers to standard output, as they are at one moment, the oldest first.

    "flask import-customers" takes the file as it is; without --with-hashes it needs --without-passwords, and then
    everybody has to reset the password. Addresses are in NDJSON only. The filters are those of the list.
    """
    if sys.stdout.isatty():
        raise click.UsageError("Texts of customers can control a terminal: send the export to a file or a pipe.")
    try:
        filters = CustomerFilters().load({name: value for name, value in given.items() if value is not None})
    except ValidationError as fault:
        faults = [f"--{name.replace('_', '-')}: {' '.join(said)}" for name, said in fault.messages_dict.items()]
        raise click.UsageError("\n".join(faults)) from None
    export.write(context.current(), sys.stdout.buffer, kind, filters, with_hashes=with_hashes)
