"""The command `electric`: which commands there are, and where.

Nothing but click is imported here, so that `electric --version` and completion are quick.
"""

import click

from electricsql import __version__
from electricsql.cli.shell import ElectricGroup, LazyGroup

_COMMANDS = {
    "init": "electricsql.cli.init:init",
    "migrations": "electricsql.cli.migrations:migrations",
    "build": "electricsql.cli.build:build",
    "check": "electricsql.cli.check:check",
    "sync": "electricsql.cli.sync:sync",
    "replicate": "electricsql.cli.replicate:replicate",
    "devices": "electricsql.cli.devices:devices",
    "status": "electricsql.cli.status:status",
    "quarantine": "electricsql.cli.quarantine:quarantine",
    "database-url": "electricsql.cli.status:database_url",
    "reset": "electricsql.cli.reset:reset",
    "config": "electricsql.cli.config:config",
    "demo": "electricsql.cli.demo:demo",
    "start": "electricsql.cli.start:start",
    "auth": "electricsql.cli.auth:auth",
    "token": "electricsql.cli.auth:token",
}


class _Main(LazyGroup, ElectricGroup):
    """The root: finds commands when they are typed, and shows errors as people read them."""

    lazy = _COMMANDS


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="electric")
def main() -> None:
    """Local-first SQL: SQLite in every copy of the app, Postgres behind all of them.

    \b
    A first round:
      electric start                        (in a terminal of its own)
      electric init notes
      electric migrations new "add notes"   (then edit the file it names)
      electric sync

    \b
    Completion, for bash (zsh and fish alike), in ~/.bashrc:
      eval "$(_ELECTRIC_COMPLETE=bash_source electric)"
    """
