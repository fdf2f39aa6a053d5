"""`electric status` and `electric database-url`: how an environment is, and where."""

from collections.abc import Sequence
from pathlib import Path

import click

from electricsql.cli.api import Api, EnvironmentApi
from electricsql.cli.census import require_conserved, show_devices
from electricsql.cli.output import counted, show_json
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricCommand
from electricsql.service.bodies import Drift, EnvironmentStatus


@click.command(cls=ElectricCommand)
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def status(env: str | None, *, as_json: bool) -> None:
    """Show an environment's schema version, its devices, the quarantine, and whether somebody has
    changed its tables otherwise than by a migration.

    Of each device: how many migrations it is behind, how many Postgres transactions (its lag), how
    many of its own transactions are in, and how many of these wait in the quarantine. Fails if any
    is unaccounted for.

    \b
    Example:
      electric status --env prod
    """
    api = _environment(env)
    found = api.status()
    if as_json:
        show_json(found)
    else:
        _show(api, found)
    require_conserved(found)


def _show(api: EnvironmentApi, found: EnvironmentStatus) -> None:
    click.echo(f"environment     {found.app}/{found.env} at {api.url}")
    click.echo(f"schema version  {found.schema_version or 'none yet'}")
    click.echo(f"devices         {len(found.devices)}, {found.connected} connected")
    hint = "; see `electric quarantine list`" if found.quarantined else ""
    click.echo(f"quarantine      {found.quarantined}{hint}")
    _show_drift(found.drift)
    if found.devices:
        click.echo()
        show_devices(found.devices, api.migrations())


def _show_drift(drift: Sequence[Drift]) -> None:
    """How the tables differ from what the migrations made; nothing if they don't."""
    if drift:
        click.echo(f"drift           {counted(len(drift), 'change')} that no migration made")
    for each in drift:
        since = f" ({each.since:%Y-%m-%d %H:%M} UTC)" if each.since else ""
        click.echo(f"  {each.table}: {each.problem}{since}\n    {each.remedy}")


@click.command("database-url", cls=ElectricCommand)
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
def database_url(env: str | None) -> None:
    """Print the Postgres URL of an environment, password included.

    \b
    Example:
      psql "$(electric database-url)"
    """
    click.echo(_environment(env).database_url())


def _environment(env: str | None) -> EnvironmentApi:
    project = find_project(Path.cwd())
    env = project.env_name(env)
    return Api(project.service(env)).environment(project.config.app, env)
