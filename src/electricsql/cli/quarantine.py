"""`electric quarantine`: transactions that Postgres refused, and what becomes of them."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from electricsql.cli.api import Api, EnvironmentApi
from electricsql.cli.confirming import confirm
from electricsql.cli.output import counted, show_json, show_table
from electricsql.cli.project import find_project
from electricsql.cli.shell import ElectricGroup
from electricsql.errors import ServiceError, UsageError
from electricsql.service.bodies import ChangedRow, QuarantinedDetail, QuarantinedTransaction

_MESSAGE_CHARACTERS_MAX = 60
_VALUE_CHARACTERS_MAX = 80
_env = click.option("--env", metavar="ENV", help="The environment; by default the default one.")
_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")


@click.group(cls=ElectricGroup)
def quarantine() -> None:
    """Decide about transactions that Postgres refused.

    Each waits whole, with the reason; its device has gone on.
    """


@quarantine.command("list")
@_env
@click.option("--all", "everything", is_flag=True, help="Also those that were decided about.")
@_json
def list_(env: str | None, *, everything: bool, as_json: bool) -> None:
    """Show what waits in the quarantine.

    \b
    Example:
      electric quarantine list --env prod
    """
    found = [
        each for each in _environment(env).quarantine() if everything or each.fate == "waiting"
    ]
    if as_json:
        show_json(found)
    elif found:
        headings = ("ID", "DEVICE", "WHEN", "ROWS", "FATE", "CODE", "MESSAGE")
        show_table(headings, [_line(each) for each in found])
    else:
        click.echo("Nothing waits in the quarantine.")


@quarantine.command()
@click.argument("id")
@_env
@_json
def show(id: str, env: str | None, *, as_json: bool) -> None:
    """Show transaction ID, row by row.

    \b
    Example:
      electric quarantine show 3.17
    """
    found = _environment(env).quarantined(id)
    if as_json:
        show_json(found)
        return
    for line in _described(found):
        click.echo(line)


@quarantine.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that wait, the oldest first.")
@_env
@_json
def retry(ids: Sequence[str], env: str | None, *, everything: bool, as_json: bool) -> None:
    """Merge the transactions IDS again, after what was in their way is corrected.

    They are merged as what they were: what was written later still counts more. Those that are
    refused again stay, with the new reason.

    \b
    Example:
      electric quarantine retry 3.17 3.18
      electric quarantine retry --all
    """
    if bool(ids) == everything:
        raise UsageError(
            "ids-or-all",
            "Which transactions are to be retried?",
            "Give their ids, as `electric quarantine list` shows them, or --all.",
        )
    api = _environment(env)
    if everything:
        ids = [each.id for each in api.quarantine() if each.fate == "waiting"]
    retried, refused = _retry(api, ids)
    if as_json:
        show_json(retried)
    else:
        for each in retried:
            click.echo(f"{each.id} is merged")
        if not ids:
            click.echo("Nothing waits in the quarantine.")
    _raise(refused, len(ids))


@quarantine.command()
@click.argument("id")
@_env
@click.option("--yes", is_flag=True, help="Don't ask.")
@_json
def discard(id: str, env: str | None, *, yes: bool, as_json: bool) -> None:
    """Give up transaction ID. It will never be merged; its record stays.

    \b
    Example:
      electric quarantine discard 3.17
    """
    api = _environment(env)
    found = api.quarantined(id)
    if not yes:
        rows = counted(found.changes or 0, "row")
        device = found.device or "unknown"
        confirm(f"This gives up {rows} that device {device} wrote.", "transaction's id", found.id)
    decided = api.discard(found.id)
    if as_json:
        show_json(decided)
    else:
        click.echo(f"{decided.id} is discarded")


def _environment(env: str | None) -> EnvironmentApi:
    project = find_project(Path.cwd())
    env = project.env_name(env)
    return Api(project.service(env)).environment(project.config.app, env)


def _retry(
    api: EnvironmentApi, ids: Sequence[str]
) -> tuple[list[QuarantinedTransaction], list[ServiceError]]:
    """Retry one after the other; gives those that are merged now, and why others are not."""
    retried, refused = [], []
    for id in ids:
        try:
            retried.append(api.retry(id))
        except ServiceError as error:
            if error.code != "still-refused":
                raise
            refused.append(error)
    return retried, refused


def _raise(refused: Sequence[ServiceError], count: int) -> None:
    """Tell of what was refused again.

    Raises:
        ServiceError: `still-refused`.
    """
    if not refused:
        return
    if count == 1:
        raise refused[0]
    for each in refused:
        click.echo(each.problem, err=True)
    raise ServiceError(
        "still-refused",
        f"{counted(len(refused), 'transaction')} of {count} still wait.",
        refused[0].remedy,
        definite=True,
    )


def _line(each: QuarantinedTransaction) -> tuple[str, ...]:
    return (
        each.id,
        each.device or "unknown",
        each.at.isoformat(" ", "seconds"),
        "?" if each.changes is None else str(each.changes),
        each.fate,
        each.code,
        _cut(each.message, _MESSAGE_CHARACTERS_MAX),
    )


def _described(found: QuarantinedDetail) -> Iterator[str]:
    yield f"transaction     {found.id}"
    yield f"device          {found.device or 'unknown'}"
    yield f"schema version  {found.schema_version or 'unknown'}"
    yield f"refused         {found.at.isoformat(' ', 'seconds')}"
    decided = found.decided_at.isoformat(" ", "seconds") if found.decided_at else ""
    yield f"fate            {found.fate} {decided}".rstrip()
    yield f"reason          {found.message} [{found.code}]"
    yield ""
    for row in found.rows:
        yield _row(row)
    if not found.rows:
        yield "Its rows can't be read."
    elif found.changes is not None and found.changes > len(found.rows):
        yield f"… and {counted(found.changes - len(found.rows), 'more row')}"


def _row(row: ChangedRow) -> str:
    """`update notes  id = 1  stars = 5`."""
    named = [f"{name} = {_value(value)}" for name, value in {**row.key, **row.values}.items()]
    return "  ".join([f"{row.op} {row.table}", *named])


def _value(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case {"blob": str(digits)}:
            return _cut(f"x'{digits}'", _VALUE_CHARACTERS_MAX)
        case {"text": str(text)}:
            return _value(text)
        case {"real": str(real)}:
            return real
        case str():
            return _cut(json.dumps(value, ensure_ascii=False), _VALUE_CHARACTERS_MAX)
        case _:
            return msgspec.json.encode(value).decode()


def _cut(text: str, characters_max: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= characters_max else line[: characters_max - 1] + "…"
