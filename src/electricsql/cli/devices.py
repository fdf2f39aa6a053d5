"""`electric devices`: the copies of an app's data."""

from pathlib import Path

import click

from electricsql.cli.api import Api
from electricsql.cli.census import show_devices
from electricsql.cli.output import counted, show_json, show_table
from electricsql.cli.project import find_project
from electricsql.cli.replicate import bundle_at, own_token
from electricsql.cli.shell import ElectricGroup
from electricsql.device import Comparison, Difference, Verified
from electricsql.device import verify as verify_file
from electricsql.device.opening import TOKEN_VARIABLE
from electricsql.errors import DeviceError
from electricsql.schema import Value

_SHOWN_CHARACTERS_MAX = 40


@click.group(cls=ElectricGroup)
def devices() -> None:
    """See to the copies of an app's data."""


@devices.command("list")
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def list_(env: str | None, *, as_json: bool) -> None:
    """Show the devices that an environment's hub knows.

    LAG counts the Postgres transactions that a device does not have yet.

    \b
    Example:
      electric devices list --env prod
    """
    project = find_project(Path.cwd())
    env = project.env_name(env)
    api = Api(project.service(env)).environment(project.config.app, env)
    found = api.status().devices
    if as_json:
        show_json(found)
    elif found:
        show_devices(found, api.migrations())
    else:
        click.echo("No device has come yet.")


@devices.command()
@click.argument("db", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--repair", is_flag=True, help="Give the file what the hub has. Unsent work is kept.")
@click.option("--url", metavar="URL", help="The device stream; by default that of the bundle.")
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
@click.option(
    "--token",
    envvar=TOKEN_VARIABLE,
    show_envvar=True,
    metavar="JWT",
    help="The device's token; by default what `electric auth` says.",
)
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def verify(
    db: Path, url: str | None, env: str | None, token: str | None, *, repair: bool, as_json: bool
) -> None:
    """Compare the SQLite file DB with its hub, row by row.

    The file is synced first. Rows that differ are named, by table and key; rows with changes that
    are not sent yet are left out. --repair has the hub send all that it has.

    \b
    Example:
      electric devices verify notes.db
      electric devices verify notes.db --repair
    """
    bundle = bundle_at(url, env)
    if token is None:
        token = own_token(url or bundle.service or "")
    verified = verify_file(db, bundle, url, token, repair=repair)
    if as_json:
        show_json(_as_json(verified))
    else:
        _show(verified)
    left = (verified.left or verified.found).differences
    if left:
        raise DeviceError(
            "rows-differ",
            f"{db} differs from its hub in {_how_many(verified.left or verified.found)}.",
            "That is a defect of electricsql; please report it."
            if verified.left
            else "Mend them with --repair, and look for a program that has switched capture off.",
        )


def _show(verified: Verified) -> None:
    found = verified.found
    if found.differences:
        rows = [(each.table, _key(each), _what(each)) for each in found.differences]
        show_table(("TABLE", "KEY", "DIFFERS"), rows)
    if verified.is_sound:
        mended = f"{_how_many(found)} repaired; " if verified.left else ""
        click.echo(f"{mended}{counted((verified.left or found).rows, 'row')} compared, all equal.")
    if found.unsettled:
        click.echo(f"{counted(found.unsettled, 'row')} with unsent changes left out.")


def _how_many(comparison: Comparison) -> str:
    count = len(comparison.differences)
    more = "" if comparison.is_complete else "at least "
    return f"{more}{counted(count, 'row')}"


def _key(difference: Difference) -> str:
    return ", ".join(map(_text, difference.key))


def _what(difference: Difference) -> str:
    if difference.columns:
        return ", ".join(difference.columns)
    return "only here" if difference.here else "missing here"


def _text(value: Value) -> str:
    text = f"x'{value.hex()}'" if isinstance(value, bytes) else str(value)
    return text if len(text) <= _SHOWN_CHARACTERS_MAX else text[:_SHOWN_CHARACTERS_MAX] + "…"


def _as_json(verified: Verified) -> dict[str, object]:
    left = verified.left
    return {
        "sound": verified.is_sound,
        "rows": verified.found.rows,
        "unsettled": verified.found.unsettled,
        "complete": verified.found.is_complete,
        "differences": [
            {
                "table": each.table,
                "key": [value.hex() if isinstance(value, bytes) else value for value in each.key],
                "here": each.here,
                "atHub": each.at_hub,
                "columns": each.columns,
            }
            for each in verified.found.differences
        ],
        "repaired": None if left is None else not left.differences,
    }
