"""`electric migrations`: new ones, what is where, and back to what was applied."""

from datetime import UTC, datetime
from pathlib import Path

import click

from electricsql.cli.shell import ElectricGroup

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
    from electricsql.cli.files import write_together  # noqa: PLC0415
    from electricsql.cli.project import find_project  # noqa: PLC0415
    from electricsql.migrations import FILE, new_name, read_folder  # noqa: PLC0415

    project = find_project(Path.cwd())
    taken = [source.name for source in read_folder(project.migrations)]
    name = new_name(title, datetime.now(UTC), taken)
    path = project.migrations / name / FILE
    write_together({path: _TEMPLATE.format(title=" ".join(title.split()))})
    click.echo(shown(path))


def shown(path: Path) -> str:
    """A path as a person wants to read it: from here, if it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
