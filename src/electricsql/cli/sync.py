"""`electric sync`: the service validates and applies what is new, and what apps ship is made from
what it has."""

from pathlib import Path

import click

from electricsql.cli.api import Api, EnvironmentApi, Refused
from electricsql.cli.building import compiled
from electricsql.cli.conflicts import explained
from electricsql.cli.output import show_json
from electricsql.cli.outputs import deployed_bundle, ensure_outputs_fit, write_outputs
from electricsql.cli.project import Project, find_project
from electricsql.cli.shell import ElectricCommand
from electricsql.errors import ProjectError
from electricsql.migrations import Build, Source, bundled, make_bundle
from electricsql.service.bodies import Plan


@click.command(cls=ElectricCommand)
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
@click.option("--dry-run", is_flag=True, help="Show what Postgres would run; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def sync(env: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Apply new migrations to an environment, all or none; write its bundle.

    \b
    Example:
      electric sync --env staging --dry-run
    """
    project = find_project(Path.cwd())
    env = project.env_name(env)
    built = compiled(project, env, ask=True)
    api = Api(project.service(env)).environment(project.config.app, env)
    plan = _planned(project, api, built)
    if dry_run:
        _show_plan(plan, as_json=as_json)
        return
    folder = _applied(project, env, api, built)
    if as_json:
        show_json({"applied": plan.pending, "bundle": folder})
        return
    for name in plan.pending:
        click.echo(f"Applied {name}")
    if not plan.pending:
        click.echo("Nothing new to apply")
    click.echo(f"The bundle of {env} is in {folder}")


def _planned(project: Project, api: EnvironmentApi, built: Build) -> Plan:
    """What applying would do; at an environment that is not there yet, everything."""
    sources = _sources(built)
    try:
        return api.validate(sources)
    except Refused as refused:
        if refused.code != "unknown-environment":
            raise explained(project, api, sources, refused) from refused
    postgres = [sql for each in built.migrations for sql in each.postgres]
    return Plan([each.name for each in sources], postgres)


def _applied(project: Project, env: str, api: EnvironmentApi, built: Build) -> str:
    """Apply, and write the bundle from what the service has; gives its folder."""
    expected = make_bundle(project.config.app, env, map(bundled, built.migrations), api.url)
    ensure_outputs_fit(project, env, expected)
    sources = _sources(built)
    try:
        api.create()
        api.apply(sources)
    except Refused as refused:
        raise explained(project, api, sources, refused) from refused
    try:
        return write_outputs(project, env, deployed_bundle(api))
    except ProjectError as error:
        remedy = f"{error.remedy} The migrations were applied: sync again to write the bundle."
        raise ProjectError(error.code, error.problem, remedy) from error


def _sources(built: Build) -> list[Source]:
    return [each.source for each in built.migrations]


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    if as_json:
        show_json(plan)
        return
    if not plan.pending:
        click.echo("-- Nothing new to apply")
    for name in plan.pending:
        click.echo(f"-- New: {name}")
    for sql in plan.postgres:
        click.echo(f"\n{sql};")
