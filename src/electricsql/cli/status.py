"""`electric status` and `electric database-url`: how an environment is, and where."""

from collections.abc import Sequence
from pathlib import Path

import click

from electricsql.cli.api import Api, EnvironmentApi
from electricsql.cli.output import show_json, show_table
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricCommand
from electricsql.service.bodies import DeviceStatus, Migration


@click.command(cls=ElectricCommand)
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def status(env: str | None, *, as_json: bool) -> None:
    """Show an environment's schema version, its devices, and the quarantine.

    \b
    Example:
      electric status --env prod
    """
    api = _environment(env)
    found = api.status()
    if as_json:
        show_json(found)
        return
    click.echo(f"environment     {found.app}/{found.env} at {api.url}")
    click.echo(f"schema version  {found.schema_version or 'none yet'}")
    click.echo(f"devices         {len(found.devices)}, {found.connected} connected")
    click.echo(f"quarantine      {found.quarantined}")
    if found.devices:
        click.echo()
        headings = ("DEVICE", "SCHEMA VERSION", "BEHIND", "TRANSACTIONS", "SEEN")
        migrations = api.migrations()
        show_table(headings, [_row(each, migrations) for each in found.devices])


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


def _row(device: DeviceStatus, migrations: Sequence[Migration]) -> tuple[str, ...]:
    behind = sum(each.name > (device.schema_version or "") for each in migrations)
    seen = device.seen_at.isoformat(" ", "seconds") if device.seen_at else "never"
    version = device.schema_version or "none yet"
    return (device.device, version, str(behind), str(device.number), seen)
