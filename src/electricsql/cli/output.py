"""What commands print: tables for people, JSON for programs, paths as people read them."""

import json
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

_GAP = "  "


def show_json(value: object) -> None:
    """A value as indented JSON."""
    click.echo(json.dumps(msgspec.to_builtins(value), indent=2, ensure_ascii=False))


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, with columns as wide as what they hold."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    click.secho(_line(headings, widths), bold=True)
    for row in rows:
        click.echo(_line(row, widths))


def shown(path: Path, base: Path | None = None) -> str:
    """A path as people read it: from a folder (by default, from here), if it is below."""
    here = base or Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def counted(count: int, noun: str) -> str:
    """`1 migration`, `2 migrations`."""
    plural = f"{noun}es" if noun.endswith("x") else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
