"""Drift: somebody changed a replicated table otherwise than by a migration. Noticed by comparing
what the tables have with what the last migrations left (`electric.drift`: format_5.sql, and
format_6.sql for what is computed)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from electricsql.hub.connection import Connection
from electricsql.hub.keeping import NAME
from electricsql.schema import quote

MIGRATING: Final = "electric.migrating"
"""The setting under which our own migrations change tables, and whoever means it."""

_COMPUTED: Final = " GENERATED ALWAYS AS "
_FEATURES: Final = """
SELECT t.name, f.kind, f.feature, f.definition
FROM unnest($1::text[]) t(name) CROSS JOIN electric.features(t.name) f
"""
_FORGET: Final = """
DELETE FROM electric.expected e USING unnest($1::text[], $2::text[], $3::text[])
    d(name, kind, feature)
WHERE (e.name, e.kind, e.feature) = (d.name, d.kind, d.feature)
"""
_EXPECT: Final = """
INSERT INTO electric.expected SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
ON CONFLICT (name, kind, feature) DO UPDATE SET definition = excluded.definition
"""
_FORGET_TABLES: Final = "DELETE FROM electric.expected WHERE name = ANY($1::text[])"
_RENAME: Final = """
UPDATE electric.expected e SET name = n.now FROM unnest($1::text[], $2::text[]) n(was, now)
WHERE e.name = n.was
"""
_DRIFT: Final = """
SELECT name, kind, feature, expected, found, breaks, since FROM electric.drift
ORDER BY name, kind <> 'table', kind, feature
"""


class Feature(NamedTuple):
    """What a table has: a column, a constraint, …"""

    table: str
    kind: str
    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. `breaks` says whether replication may fail because of it; `since` when it was
    made, if Postgres knows."""

    table: str
    problem: str
    remedy: str
    breaks: bool
    since: datetime | None


async def features(connection: Connection, names: Sequence[str]) -> set[Feature]:
    """What these tables have now."""
    return {Feature(*record) for record in await connection.fetch(_FEATURES, names)}


async def rename(
    connection: Connection, before: set[Feature], names: Mapping[str, str | None]
) -> set[Feature]:
    """Note under which names tables go from now on (None: there is no such table any more); gives
    what they had, under these."""
    await connection.execute(_FORGET_TABLES, [was for was, now in names.items() if now is None])
    renamed = {was: now for was, now in names.items() if now is not None and now != was}
    if renamed:
        aside = [f"~{now}" for now in renamed.values()]  # two may have swapped their names
        await connection.execute(_RENAME, list(renamed), aside)
        await connection.execute(_RENAME, aside, list(renamed.values()))
    there = [(each, names.get(each.table)) for each in before]
    return {each._replace(table=name) for each, name in there if name is not None}


async def expect(connection: Connection, before: set[Feature], after: set[Feature]) -> None:
    """Note what a migration has made of tables. What had drifted already goes on being that."""
    gone, new = before - after, after - before
    await connection.execute(_FORGET, *_columns(gone, 3))
    await connection.execute(_EXPECT, *_columns(new, 4))


async def read_drift(connection: Connection) -> list[Drift]:
    """All differences; of a table that is gone only that."""
    found: list[Drift] = []
    gone: set[str] = set()
    for name, kind, feature, expected, there, breaks, since in await connection.fetch(_DRIFT):
        if name in gone:
            continue
        if kind == "table":
            gone.add(name)
        was = Feature(name, kind, feature, expected or "")
        problem, remedy = _explained(was, there, is_new=expected is None)
        found.append(Drift(name, problem, remedy, breaks, since))
    return found


def _columns(rows: Iterable[Feature], count: int) -> list[list[str]]:
    ordered = sorted(rows)
    return [[row[place] for row in ordered] for place in range(count)]


def _explained(was: Feature, found: str | None, *, is_new: bool) -> tuple[str, str]:
    """What is wrong, and what to do."""
    match was.kind:
        case "table":
            remedy = "Rename it back, or restore it from a backup."
            return "The table was dropped or renamed.", remedy
        case "column":
            return _column(was, found, is_new=is_new)
        case "trigger":
            return _trigger(was, found, is_new=is_new)
        case _ if found is None:
            problem = f"The {was.kind} {was.name} was dropped: {was.definition}."
            return problem, f"Make it again: {_make(was)};"
        case _ if is_new:
            return (
                f"The {was.kind} {was.name} was added: {found}.",
                "If that is meant, leave it: what devices write against it goes to the quarantine."
                " Else drop it.",
            )
        case _:
            problem = f"The {was.kind} {was.name} is {found} now, and was {was.definition}."
            return problem, "Change it back."


def _column(was: Feature, found: str | None, *, is_new: bool) -> tuple[str, str]:
    name = quote(was.name)
    if found is None:
        return (
            f"Column {was.name} was dropped or renamed: nothing can be merged into the table.",
            f"Rename it back, or add it again: {_alter(was)} ADD COLUMN {name} {was.definition};",
        )
    if is_new:
        problem = f"Column {was.name} ({found}) was added: devices don't hear of it."
        return problem, "Drop it, and add it by a migration instead."
    problem = f"Column {was.name} is {found} now, and was {was.definition}."
    if _COMPUTED in was.definition + found:
        again = f"{_alter(was)} DROP COLUMN {name}, ADD COLUMN {name} {was.definition};"
        return problem, f"Drop it, and add it again: {again}"
    type = was.definition.removesuffix(" NOT NULL")
    null = f"{'SET' if was.definition != type else 'DROP'} NOT NULL"
    return (
        problem,
        f"Change it back: {_alter(was)} ALTER COLUMN {name} TYPE {type} USING {name}::{type},"
        f" ALTER COLUMN {name} {null};",
    )


def _trigger(was: Feature, found: str | None, *, is_new: bool) -> tuple[str, str]:
    comes = "what is written directly reaches no device"
    if was.name.startswith(NAME):
        comes = "values that are taken go to the quarantine with their transaction"
    if found is None:
        problem = f"Trigger {was.name} was dropped: {comes}."
        return problem, f"Make it again: {was.definition};"
    if is_new:
        problem = f"Trigger {was.name} was added, and has a name like ours."
        return problem, f"Drop it: DROP TRIGGER {quote(was.name)} ON public.{quote(was.table)};"
    return (
        f"Trigger {was.name} was disabled or changed: maybe {comes}.",
        f"Enable it: {_alter(was)} ENABLE TRIGGER {quote(was.name)};",
    )


def _alter(was: Feature) -> str:
    return f"ALTER TABLE public.{quote(was.table)}"


def _make(was: Feature) -> str:
    if was.kind == "constraint":
        return f"{_alter(was)} ADD CONSTRAINT {quote(was.name)} {was.definition}"
    return was.definition
