"""The migrations here beside those that environments have applied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias

from electricsql.cli.api import EnvironmentApi, Refused
from electricsql.cli.project import Project
from electricsql.migrations import Source
from electricsql.service.bodies import Migration

Applied: TypeAlias = Mapping[str, Migration]


class State(StrEnum):
    """How a migration is, in one environment."""

    APPLIED = "applied"
    PENDING = "pending"
    DIFFERENT = "different"
    MISSING = "missing locally"
    ABSENT = "-"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Listed:
    """A migration, and its state by environment."""

    name: str
    title: str
    environments: dict[str, State]


def applied_in(api: EnvironmentApi) -> Applied:
    """What an environment has applied, by name; nothing if it is not there yet.

    Raises:
        ServiceError: the service can't be reached, or refused.
    """
    try:
        return {each.name: each for each in api.migrations()}
    except Refused as refused:
        if refused.code == "unknown-environment":
            return {}
        raise


def states(sources: Sequence[Source], applied: Mapping[str, Applied | None]) -> list[Listed]:
    """Every migration that is here or applied somewhere, in order. None stands for an environment
    that could not be asked."""
    here = {source.name: source for source in sources}
    titles = {name: each.title for env in applied.values() for name, each in (env or {}).items()}
    titles |= {name: source.title for name, source in here.items()}
    return [
        Listed(
            name,
            titles[name],
            {env: _state(here.get(name), there, name) for env, there in applied.items()},
        )
        for name in sorted(titles)
    ]


def _state(here: Source | None, applied: Applied | None, name: str) -> State:
    if applied is None:
        return State.UNKNOWN
    there = applied.get(name)
    if here is None:
        return State.ABSENT if there is None else State.MISSING
    if there is None:
        return State.PENDING
    return State.APPLIED if here.sha256 == there.sha256 else State.DIFFERENT


def revert_in(
    project: Project, api: EnvironmentApi, name: str | None
) -> dict[Path, tuple[str | None, str]]:
    """The files that differ from what was applied (of one migration, or of all), each with its
    text here, None if it is missing, and the applied one.

    Raises:
        ServiceError: `unknown-migration`; the service can't be reached, or refused.
    """
    names = [name] if name is not None else [each.name for each in api.migrations()]
    found = {}
    for each in names:
        path = project.migration_file(each)
        detail = api.migration(each)
        try:
            here: bytes | None = path.read_bytes()
        except OSError:
            here = None
        if here != detail.source.encode():
            text = None if here is None else here.decode(errors="replace")
            found[path] = (text, detail.source)
    return found
