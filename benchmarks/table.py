"""The table that a run prints, and the same as data."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Result

_COLUMNS = ("what", "against", "ours", "baseline", "ratio", "noise", "target", "")

_WIDTH = 170
"""Where there is no terminal: a line for each row."""


def show(results: Sequence[Result]) -> None:
    """Print the table. A target that is missed is a word in it, never a failure."""
    table = Table(*_COLUMNS, title="electricsql, measured in pairs")
    for result in results:
        table.add_row(*_cells(result))
    Console(width=None if Console().is_terminal else _WIDTH).print(table)


def write_json(results: Sequence[Result], machine: dict[str, str], path: Path) -> None:
    """Write what was measured, every round of it."""
    rows = [
        {
            "what": result.what,
            "against": result.against,
            "unit": result.unit,
            "ours": list(result.values),
            "baseline": list(result.baselines),
            "ratio": result.ratio,
            "noise": result.noise,
            "target": result.target_max,
            "met": result.is_met,
        }
        for result in results
    ]
    path.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")


def write_markdown(results: Sequence[Result], machine: dict[str, str], path: Path) -> None:
    """Write the machine and the table as docs/benchmarks.md has them."""
    lines = [f"- {what}: {value}" for what, value in machine.items()]
    lines += ["", _line(_COLUMNS), _line(["---"] * len(_COLUMNS))]
    lines += [_line(_cells(result)) for result in results]
    path.write_text("\n".join(lines) + "\n")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(result: Result) -> tuple[str, ...]:
    low, high = result.noise
    is_ratio = result.baseline is not None
    return (
        result.what,
        result.against,
        _amount(result.ours, result.unit),
        "" if result.baseline is None else _amount(result.baseline, result.unit),
        f"{result.ratio:.2f} x" if is_ratio else "",
        f"{low:.2f}-{high:.2f}" if is_ratio else f"{low:.1f}-{high:.1f} {result.unit}",
        f"≤ {result.target_max:g} x" if is_ratio else f"≤ {result.target_max:g} {result.unit}",
        "ok" if result.is_met else "missed",
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}" if value < 100 else f"{value:,.0f} {unit}"
