"""Asking before something can't be undone: its name has to be typed, or `--yes` given."""

import sys

import click

from electricsql.errors import UsageError


def confirm(deed: str, what: str, name: str) -> None:
    """Have a name typed. `deed`: a sentence on what will be done; `what`: whose name it is.

    Raises:
        UsageError: `not-confirmed`, `not-a-terminal`.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            "not-a-terminal",
            f"{deed} Nobody is here to confirm it.",
            "Give --yes if that is what you want.",
        )
    click.echo(deed, err=True)
    typed = click.prompt(f"Type the {what} to go on", default="", show_default=False)
    if typed != name:
        raise UsageError(
            "not-confirmed",
            f"{typed!r} is not {name!r}: nothing was done.",
            f"Run the command again, and type the {what}.",
        )
