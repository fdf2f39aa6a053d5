"""How every command behaves: found when it is typed, errors for people, exit status 0, 1 or 2.

An error is shown as what went wrong, what to do, and its code; a traceback only with `--verbose`,
which may stand anywhere on the line.
"""

import importlib
import os
import sys
import traceback
from typing import Any, ClassVar, Final

import click

from electricsql.errors import ElectricError

_VERBOSE: Final = "electric.verbose"
_FAILED: Final = 1
_verbose = click.Option(
    ["--verbose"],
    is_flag=True,
    expose_value=False,
    help="Show the traceback of an error.",
    callback=lambda context, _, value: _note_verbose(context, value),
)


def _note_verbose(context: click.Context, value: bool) -> None:
    if value:
        context.meta[_VERBOSE] = True


class ElectricCommand(click.Command):
    """A command that takes `--verbose`."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), _verbose]


class ElectricGroup(click.Group):
    """A group that, as the root, shows our errors and exits with their status."""

    command_class = ElectricCommand
    group_class = type

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), _verbose]

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401
        """Run the command; what it raises is shown here, at the root."""
        if ctx.parent is not None:
            return super().invoke(ctx)
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # click knows what to do
        except ElectricError as error:
            _show(ctx, error)
            sys.exit(error.exit_status)
        except Exception as error:
            _show(ctx, _unexpected(error))
            sys.exit(_FAILED)


class LazyGroup(click.Group):
    """A group that imports a command when somebody types it."""

    lazy: ClassVar[dict[str, str]] = {}
    """Name -> `module:attribute`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *self.lazy]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


def _unexpected(error: Exception) -> ElectricError:
    unexpected = ElectricError(
        "internal-error",
        f"The command failed in a way that is not foreseen: {type(error).__name__}: {error}",
        "Run it again with --verbose, and report what it shows.",
    )
    unexpected.__cause__ = error
    return unexpected


def _show(context: click.Context, error: ElectricError) -> None:
    """An error on stderr, as docs/errors.md describes it."""
    if context.meta.get(_VERBOSE):
        click.echo("".join(traceback.format_exception(error)).rstrip(), err=True)
    label = click.style("Error:", fg="red", bold=True)
    click.echo(f"{label} {error.problem}", err=True, color=context.color)
    if error.remedy:
        click.echo(error.remedy, err=True)
    click.echo(f"[{error.code}]", err=True)
