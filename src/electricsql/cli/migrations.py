"""`electric migrations`: new ones, what is where, and back to what was applied."""

from datetime import UTC, datetime
from pathlib import Path

import click

from electricsql.cli.files import write_together
from electricsql.cli.output import shown
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricGroup
from electricsql.migrations import FILE, new_name, read_folder

_TEMPLATE = """\
-- {title}
--
-- SQL as SQLite has it: tables, indexes and added columns. For example:
--
-- CREATE TABLE notes (
--   id TEXT PRIMARY KEY NOT NULL,
--   body TEXT NOT NULL DEFAULT ''
-- );
"""


@click.group(cls=ElectricGroup)
def migrations() -> None:
    """Make, list and revert migrations."""


@migrations.command()
@click.argument("title")
def new(title: str) -> None:
    """Make a migration's folder and its migration.sql; print the path.

    \b
    Example:
      electric migrations new "add notes"
    """
    project = find_project(Path.cwd())
    taken = [source.name for source in read_folder(project.migrations)]
    name = new_name(title, datetime.now(UTC), taken)
    path = project.migrations / name / FILE
    write_together({path: _TEMPLATE.format(title=" ".join(title.split()))})
    click.echo(shown(path))
