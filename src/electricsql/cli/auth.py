"""`electric auth` and `electric token`: the command line's own credentials, and devices'."""

import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from electricsql.cli.api import Api
from electricsql.cli.credentials import credential_for, credentials_file, forget, store
from electricsql.cli.output import show_json
from electricsql.cli.project import checked_service, find_project
from electricsql.cli.shell import ElectricGroup
from electricsql.errors import ServiceError, UsageError
from electricsql.limits import TOKEN_TTL_S

_UNIT_S: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TTL: Final = f"{TOKEN_TTL_S // _UNIT_S['d']}d"
_service = click.option(
    "--service", metavar="URL", help="By default that of the default environment."
)


@click.group(cls=ElectricGroup)
def auth() -> None:
    """Log in to services on other machines."""


@auth.command()
@_service
def login(*, service: str | None) -> None:
    """Keep a token or an admin key for a service. It is asked for, or read from standard input.

    \b
    Example:
      electric auth login --service https://sync.example.com < admin.key
    """
    url = _url(service)
    if sys.stdin.isatty():
        secret = click.prompt(f"Token or admin key for {url}", hide_input=True).strip()
    else:
        secret = sys.stdin.readline().strip()
    if not secret:
        raise UsageError(
            "no-token", "No token was given.", "Paste it, or pipe it into the command."
        )
    me = Api(url, secret).whoami()
    store(url, secret)
    click.echo(f"Logged in to {url} as {me.sub}; kept in {credentials_file()}")


@auth.command()
@_service
def logout(*, service: str | None) -> None:
    """Forget the token of a service.

    \b
    Example:
      electric auth logout
    """
    url = _url(service)
    was_there = forget(url)
    click.echo(f"Logged out of {url}" if was_there else f"Nothing was kept for {url}")


@auth.command()
@_service
@click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")
def whoami(*, service: str | None, as_json: bool) -> None:
    """Show as whom a service knows you, and why.

    \b
    Example:
      electric auth whoami
    """
    url = _url(service)
    credential = credential_for(url)
    if credential is None:
        raise ServiceError(
            "no-token",
            f"There is no token for {url} here.",
            "Log in with `electric auth login`, or set ELECTRIC_TOKEN.",
            definite=True,
        )
    me = Api(url, credential.secret).whoami()
    if as_json:
        show_json(me)
        return
    role = "administrator" if me.admin else "device"
    click.echo(f"{me.sub} ({role}) at {url}, by {credential.origin}")
    if me.app or me.env:
        click.echo(f"for {me.app or 'any app'}/{me.env or 'any environment'}")
    if me.expires_at is not None:
        until = datetime.fromtimestamp(me.expires_at, UTC).isoformat(" ", "seconds")
        click.echo(f"until {until}")


@click.group(cls=ElectricGroup)
def token() -> None:
    """Make tokens for devices."""


@token.command()
@click.option("--sub", required=True, metavar="USER", help="Whom the token is for.")
@click.option("--claims", default="{}", metavar="JSON", help="Further claims: a JSON object.")
@click.option(
    "--ttl", default=_TTL, show_default=True, metavar="TIME", help="30d, 12h, 90m or 45s."
)
@click.option("--env", metavar="ENV", help="The environment; by default the default one.")
def new(*, sub: str, claims: str, ttl: str, env: str | None) -> None:
    """Print a device token for development; it is good for one environment.

    \b
    Example:
      electric token new --sub ann --claims '{"team": "blue"}' --ttl 7d
    """
    project = find_project(Path.cwd())
    env = project.env_name(env)
    request: dict[str, object] = {
        "sub": sub,
        "claims": _claims(claims),
        "ttl_s": _seconds(ttl),
        "app": project.config.app,
        "env": env,
    }
    click.echo(Api(project.service(env)).issue_token(request))


def _url(service: str | None) -> str:
    if service is not None:
        return checked_service(service)
    project = find_project(Path.cwd())
    return project.service(project.env_name(None))


def _claims(text: str) -> dict[str, object]:
    try:
        claims = json.loads(text)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise UsageError(
            "bad-claims", f"{text!r} is not a JSON object.", 'Give one like \'{"team": "blue"}\'.'
        )
    return claims


def _seconds(text: str) -> int:
    match = re.fullmatch(r"(\d{1,9})([smhd]?)", text)
    if match is None or not int(match[1]):
        raise UsageError("bad-ttl", f"{text!r} is not a time.", "Give one like 30d, 12h or 45s.")
    return int(match[1]) * _UNIT_S[match[2]]
