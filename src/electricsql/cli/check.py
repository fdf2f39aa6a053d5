"""`electric check`: the static analysis alone, for people, editors and CI."""

import importlib
from pathlib import Path
from typing import Final

import click

from electricsql.checks import all_rules, counted
from electricsql.checks import check as find
from electricsql.checks.pages import page
from electricsql.cli.checking import applied_at, last_known, placed, repository, show
from electricsql.cli.output import counted as count
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricCommand
from electricsql.errors import MigrationError, ServiceError, UsageError
from electricsql.migrations import read_folder

_FORMATS: Final = ("text", "json", "sarif", "github")
_OF_REVIEWS: Final = frozenset({"sarif", "github"})


@click.command(cls=ElectricCommand)
@click.option("--format", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
@click.option("--strict", is_flag=True, help="Fail at warnings too.")
@click.option("--explain", metavar="RULE", help="Show what a rule is about, and nothing else.")
def check(format: str, env: str | None, explain: str | None, *, strict: bool) -> None:
    """Check the migrations that an environment does not have yet.

    Where its service can't be reached, what it had at the last sync counts. Paths in sarif and
    github begin at the top of the git checkout, in text and json in this folder.

    \b
    Example:
      electric check --format github --strict
    """
    if explain is not None:
        click.echo(_explained(explain), nl=False)
        return
    project = find_project(Path.cwd())
    env = project.env_name(env)
    sources = read_folder(project.migrations)
    try:
        applied = applied_at(project, env)
    except ServiceError as error:
        applied = last_known(project, env)
        click.echo(f"Note: {env} was not asked. {error.problem}", err=True)
    _refuse_missing(applied.keys() - {source.name for source in sources})
    base = repository(project.folder) if format in _OF_REVIEWS else None
    findings = placed(project, find(sources, applied.keys(), applied), base)
    if format == "text":
        show(findings, to_stderr=False)
        new = sum(source.name not in applied for source in sources)
        click.echo(f"Checked {count(new, 'new migration')}: {counted(findings)}.")
    else:
        module = importlib.import_module(f"electricsql.checks.formats.{format}")
        click.echo(module.shown(findings))
    if any(strict or each.is_error for each in findings):
        click.get_current_context().exit(1)


def _explained(name: str) -> str:
    rule = all_rules().get(name)
    if rule is None:
        raise UsageError(
            "unknown-rule",
            f"There is no rule {name}.",
            f"There are {', '.join(all_rules())}.",
        )
    return page(rule)


def _refuse_missing(names: set[str]) -> None:
    if names:
        raise MigrationError(
            "migration-missing",
            f"{count(len(names), 'applied migration')} missing here: {', '.join(sorted(names))}.",
            "Get them back with `electric migrations revert --all`.",
        )
