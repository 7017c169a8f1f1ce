"""The groups that a file names, by name: those there are, and those that are made for it."""

from customers.audit import trail
from customers.audit.trail import Subject
from customers.bulk import lookups
from customers.bulk.rows import Options
from customers.groups import sql as groups_sql
from customers.identity import OPERATOR
from customers.resources import Resources


class Groups:
    """Finds a group's id by its name, in whatever case."""

    def __init__(self, resources: Resources, options: Options) -> None:
        self._resources = resources
        self._options = options
        self._ids: dict[str, int] = {}
        self.made: list[str] = []  # the names of those that were not there
        self._read()

    def find(self, name: str) -> int | None:
        """Return the id of a group, made for the purpose where that was asked for, or None."""
        # In its own spelling first: a database without a locale knows no case but of ASCII letters.
        found = self._ids.get(name) or self._ids.get(name.lower())
        if found is None and self._options.create_groups:
            found = self._make(name)
        return found

    def _make(self, name: str) -> int:
        if self._options.dry_run:
            self._ids[name] = self._ids[name.lower()] = -1 - len(self.made)  # the id of no group
            self.made.append(name)
        else:
            with self._resources.database.writing() as conn:
                group = groups_sql.insert(conn, name)
                if group is not None:
                    self.made.append(name)
                    trail.record(conn, OPERATOR, Subject("group", group.uuid), {"group_created": {}})
            self._read()
        return self._ids[name]

    def _read(self) -> None:
        with self._resources.database.reading() as conn:
            for group in lookups.list_groups(conn):
                for name in (group.group_name, group.group_name.lower(), group.folded):
                    self._ids.setdefault(name, group.customer_group_id)
