"""`electric demo`: the whole system in one command."""

import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

import click

from electricsql.cli.shell import ElectricCommand
from electricsql.errors import ElectricError

_FAILED: Final = 1


@click.command(cls=ElectricCommand)
def demo() -> None:
    """Show everything at once: a service with its own Postgres, an app, two devices.

    The devices write offline, meet, go through a migration, and end with the same data, as does
    Postgres. All of it happens in a temporary folder, and is gone afterwards.

    \b
    Example:
      electric demo
    """
    from electricsql.cli.demo.story import tell  # noqa: PLC0415 (it imports a Postgres client)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_FAILED))  # so that all is cleaned up
    with tempfile.TemporaryDirectory(prefix="electric-demo-", ignore_cleanup_errors=True) as folder:
        agree = tell(Path(folder))
    if not agree:
        raise ElectricError("demo-differs", "The devices and Postgres do not agree.", "Report it.")
    click.secho("Postgres and both devices agree.", fg="green", bold=True)
