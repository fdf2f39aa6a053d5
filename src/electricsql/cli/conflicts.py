"""Local migrations that do not go with the applied ones: what differs, and the way out."""

import difflib
import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from electricsql.cli.api import EnvironmentApi, Refused
from electricsql.cli.output import counted, shown
from electricsql.cli.project import Project
from electricsql.errors import ElectricError, MigrationError
from electricsql.migrations import FILE, Source, new_name, title_of


def explained(
    project: Project, api: EnvironmentApi, sources: Sequence[Source], refused: Refused
) -> ElectricError:
    """A refusal of migrations as a person at this folder needs it; any other is left as it is."""
    at_odds = _at_odds(refused)
    match refused.code:
        case "applied-migration-changed":
            return _changed(project, api, sources, at_odds)
        case "out-of-order":
            return _out_of_order(project, refused, sources, at_odds)
        case "migration-missing":
            names = [name for name, (here, _) in at_odds.items() if here is None]
            return MigrationError(
                refused.code,
                f"{counted(len(names), 'applied migration')} missing here: {', '.join(names)}.",
                "Get them back with `electric migrations revert --all`, or start from the"
                " service's migrations in an empty folder with `electric init --sync-down`.",
            )
        case _:
            return refused


def _at_odds(refused: Refused) -> dict[str, tuple[str | None, str | None]]:
    """Name -> its sha256 here and there, of the migrations that differ."""
    listed = refused.details.get("migrations", [])
    return {each["name"]: (each.get("here"), each.get("there")) for each in listed}


def _changed(
    project: Project,
    api: EnvironmentApi,
    sources: Sequence[Source],
    at_odds: dict[str, tuple[str | None, str | None]],
) -> MigrationError:
    """Both hashes and the difference of every applied migration that was changed."""
    by_name = {source.name: source for source in sources}
    parts, changed = [], []
    for name, (here, there) in at_odds.items():
        if here and there:
            changed.append(name)
            parts.append(
                f"Migration {name} was applied with other contents.\n"
                f"  applied  sha256 {there}\n"
                f"  here     sha256 {here}\n"
                + _difference(
                    api.migration(name).source,
                    by_name[name].sql,
                    shown(project.migrations / name / FILE),
                )
            )
    revert = changed[0] if len(changed) == 1 else "--all"
    return MigrationError(
        "applied-migration-changed",
        "\n".join(parts),
        f"Revert it with `electric migrations revert {revert}`, put the change in a new"
        " migration, or delete the environment's data with `electric reset`.",
    )


def _difference(there: str, here: str, path: str) -> str:
    lines = difflib.unified_diff(
        _lines(there), _lines(here), f"applied/{path}", f"here/{path}", lineterm=""
    )
    return "\n".join(lines)


def _lines(sql: str) -> list[str]:
    return sql.replace("\r\n", "\n").split("\n")


def _out_of_order(
    project: Project,
    refused: Refused,
    sources: Sequence[Source],
    at_odds: dict[str, tuple[str | None, str | None]],
) -> MigrationError:
    """The commands that give the late ones the time of now, in the order they have."""
    late = [name for name, (_, there) in at_odds.items() if there is None]
    begin = _after_all(source.name for source in sources)
    commands = []
    for number, name in enumerate(late):
        new = new_name(title_of(name), begin + timedelta(milliseconds=number), ())
        paths = [shown(project.migrations / each) for each in (name, new)]
        commands.append(shlex.join(["mv", *paths]))
    return MigrationError(
        refused.code,
        refused.problem,
        "Rename it so that it sorts last:\n" + "\n".join(f"  {command}" for command in commands),
    )


def _after_all(names: Iterable[str]) -> datetime:
    """Now, or a moment after the last of these names where that is later."""
    now = datetime.now(UTC)
    digits = re.sub(r"\D", "", max(names)[: len("YYYYMMDD_HHMMSS_mmm")])
    try:
        last = datetime.strptime(digits[:17], "%Y%m%d%H%M%S%f").replace(tzinfo=UTC)
    except ValueError:
        return now
    return max(now, last + timedelta(milliseconds=1))
