"""`electric migrations`: new ones, what is where, and back to what was applied."""

from datetime import UTC, datetime
from pathlib import Path

import click

from electricsql.cli.api import Api
from electricsql.cli.comparing import Applied, applied_in, revert_in, states
from electricsql.cli.files import write_together
from electricsql.cli.output import show_json, show_table, shown
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricGroup
from electricsql.errors import ServiceError, UsageError
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

KEPT_SUFFIX = ".orig"


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


@migrations.command("list")
@click.option("--env", metavar="ENV", help="One environment; by default all of them.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def list_(env: str | None, *, as_json: bool) -> None:
    """Show each migration's state in each environment.

    The states are applied, pending, different (other contents were applied) and missing locally.

    \b
    Example:
      electric migrations list --json
    """
    project = find_project(Path.cwd())
    config = project.config
    envs = [project.env_name(env)] if env else list(config.environments)
    applied: dict[str, Applied | None] = {}
    for name in envs:
        try:
            api = Api(project.service(name)).environment(config.app, name)
            applied[name] = applied_in(api)
        except ServiceError as error:
            applied[name] = None
            click.echo(f"Note: {name} is not known. {error}", err=True)
    listed = states(read_folder(project.migrations), applied)
    if as_json:
        show_json(listed)
        return
    headings = ("NAME", "TITLE", *envs)
    rows = [(each.name, each.title, *(each.environments[env] for env in envs)) for each in listed]
    show_table(headings, rows)


@migrations.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="All that were changed or are missing.")
@click.option("--force", is_flag=True, help="Don't keep what was changed here.")
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
def revert(name: str | None, *, every: bool, force: bool, env: str | None) -> None:
    """Replace the migration.sql here by the one that was applied.

    What was changed here is kept beside it, as migration.sql.orig, unless --force is given.

    \b
    Example:
      electric migrations revert 20221116162335423_adding_foos_and_bars
    """
    if (name is None) != every:
        raise UsageError(
            "name-or-all",
            "Either one migration is reverted, or all.",
            "Give its name, or --all; `electric migrations list` shows the names.",
        )
    project = find_project(Path.cwd())
    env = project.env_name(env)
    api = Api(project.service(env)).environment(project.config.app, env)
    found = revert_in(project, api, name)
    files = {path: new for path, (_, new) in found.items()}
    if not force:
        files |= {
            path.with_name(path.name + KEPT_SUFFIX): old
            for path, (old, _) in found.items()
            if old is not None
        }
    write_together(files)
    for path in found:
        click.echo(f"Reverted {shown(path)}")
    if not found:
        click.echo("Nothing differs from what was applied")
