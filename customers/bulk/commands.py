"""`flask import-customers` and `flask export-customers`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click
from flask.cli import with_appcontext
from marshmallow import ValidationError

from customers.accounts.schemas import CustomerFilters
from customers.api import resources
from customers.bulk import export, files, service
from customers.bulk.groups import Groups
from customers.bulk.rows import Options
from customers.bulk.telling import Rejects, Totals, progress
from customers.command import Command

_WRITERS: dict[str, Callable[..., None]] = {"csv": export.write_csv, "ndjson": export.write_ndjson}
_FORMATS = click.Choice(list(_WRITERS))


@click.command("import-customers", cls=Command)
@click.argument("file", type=click.File("rb"))
@click.option("--format", "kind", type=_FORMATS, help="What the file is; by default told by its first character.")
@click.option("--delimiter", default=",", show_default=True, help="Between the cells of CSV; one character.")
@click.option("--update", is_flag=True, help="Change the customers who are there to what their rows say.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be done.")
@click.option("--create-groups", is_flag=True, help="Make the groups that are not there.")
@click.option("--without-passwords", is_flag=True, help="Take rows without a password: its owner must reset it.")
@click.option("--lenient", is_flag=True, help="Take what old shops hold: no full_name, addresses with blanks.")
@click.option(
    "--rejected",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where rejected lines are told, as CSV: line, reason.  [default: FILE.rejected.csv]",
)
@with_appcontext
def import_customers(file: BinaryIO, kind: str | None, delimiter: str, rejected: Path | None, **chosen: bool) -> None:
    """Import the customers in FILE ("-" for standard input).

    CSV with a header, or NDJSON, a JSON object a line. Columns: email, full_name, status (1 or 0), group (a name),
    created_at (ISO 8601), password (plain) or password_hash (bcrypt, cost at most 14); also uuid, updated_at and
    meta_data, which an export writes; and in NDJSON addresses, a list of objects.

    Customers are known by their e-mail addresses, in whatever case. Those who are there are skipped. With --update they
    become what their rows say: what a row leaves out stays, addresses are replaced as a whole, a new password or
    status 0 ends all sessions, and nobody is told by mail; a row that says nothing new changes nothing.

    Plain passwords are slow: each takes the time of one login, about a quarter of a second on a processor (all are
    used, with low priority), so that 100,000 take some hours. Hashes take none.

    Rejected rows do not stop the others. A broken-off import can be run again. Exit status: 0 all rows are in or
    skipped, 1 some are rejected, 2 wrong usage, and then nothing has been done.
    """
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise click.UsageError("Invalid value for '--delimiter': must be one character.")
    source = None if file is sys.stdin.buffer else Path(file.name)
    target = rejected or Path(f"{source or 'customers'}.rejected.csv")
    if source and target.exists() and target.samefile(source):
        raise click.UsageError("Invalid value for '--rejected': is the file to import.")
    options = Options(**chosen)
    resources().prepare()
    groups = Groups(resources(), options)
    try:
        records = files.read(file, kind, delimiter, _needed(options))
    except files.FileRefused as refusal:
        raise click.UsageError(f"{source or '-'}: {refusal}") from None

    total = Totals()
    with Rejects(target) as rejects, progress(file) as tell:
        for counts in service.run(resources(), records, options, groups):
            rejects.write(counts.rejected)
            total.add(counts)
            tell(total)
    _conclude(total, groups.made, target, dry_run=options.dry_run)


def _needed(options: Options) -> dict[tuple[str, ...], str]:
    """Return of which columns a file must have one, and what else could be done."""
    needed: dict[tuple[str, ...], str] = {("email",): ""}
    if not options.update:
        if not options.lenient:
            needed["full_name",] = "; --lenient takes customers without"
        if not options.without_passwords:
            needed["password_hash", "password"] = "; --without-passwords takes customers without"
    return needed


def _conclude(total: Totals, groups: list[str], target: Path, *, dry_run: bool) -> None:
    if groups:
        click.echo(f"{'Would make' if dry_run else 'Made'} {len(groups)} groups: {', '.join(groups[:20])}")
    would = "would be " if dry_run else ""
    click.echo(
        f"{total.read} rows read: {total.added} {would}added, {total.updated} {would}updated,"
        f" {total.skipped} {would}skipped, {total.rejected} rejected."
    )
    if total.rejected:
        raise click.ClickException(f"{total.rejected} rows were rejected; {target} says which and why")


def _filter(name: str, about: str) -> Callable[[Any], Any]:
    """Return the option for a filter."""
    return click.option(f"--{name.replace('_', '-')}", name, metavar="TEXT", help=about)


@click.command("export-customers", cls=Command)
@click.option("--format", "kind", type=_FORMATS, required=True, help="CSV with a header, or a JSON object a line.")
@click.option("--with-hashes", is_flag=True, help="With the password hashes: who has the file can guess passwords.")
@_filter("keyword", "Part of the e-mail address or the name, in any case.")
@_filter("email", "The whole e-mail address, in any case.")
@_filter("full_name", "Part of the name, in any case.")
@_filter("status", "1 for active, 0 for inactive.")
@_filter("group_id", "The number of the group.")
@_filter("created_from", "Created at this time or later, in ISO 8601.")
@_filter("created_to", "Created before this time.")
@with_appcontext
def export_customers(kind: str, with_hashes: bool, **given: str | None) -> None:
    """Write the customers to standard output, as they are at one moment, the oldest first.

    "flask import-customers" takes the file as it is. Addresses are in NDJSON only. In CSV a cell that a spreadsheet
    could take for a formula begins with an apostrophe, which the import takes away. Without --with-hashes the import
    needs --without-passwords, and then everybody has to reset the password.

    The filters are those of the list, and are combined.
    """
    try:
        filters = CustomerFilters().load({name: value for name, value in given.items() if value is not None})
    except ValidationError as fault:
        faults = [f"--{name.replace('_', '-')}: {' '.join(said)}" for name, said in fault.messages_dict.items()]
        raise click.UsageError("\n".join(faults)) from None
    resources().prepare()
    _WRITERS[kind](resources(), sys.stdout.buffer, filters, with_hashes=with_hashes)
