"""A file against the rows that its hub has: exactly those that differ are named."""

from concurrent.futures import Future
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from electricsql.device import comparing
from electricsql.device.comparing import Comparing, Comparison, Difference, Look
from electricsql.device.file import connect
from electricsql.device.lives import Life, record_lives
from electricsql.device.waiting import Waiters
from electricsql.errors import DeviceError
from electricsql.protocol import (
    Columns,
    Compare,
    DetailFrame,
    Details,
    DigestFrame,
    Digests,
    TableDigest,
    buckets_for,
    marked,
)
from electricsql.schema import Table, Value
from tests.device.conftest import MakeDevice
from tests.device.files import DeviceFile

SCHEMA = (
    "CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL, body TEXT, stars REAL);"
    "CREATE TABLE tags (tag TEXT, note INTEGER, PRIMARY KEY (note, tag))"
)
Row = tuple[Value, ...]
Rows = dict[str, list[Row]]


class Told:
    """Stands in for the service: it has these rows, and answers questions about them."""

    def __init__(self, rows: Rows, tables: dict[str, Table]) -> None:
        self._rows = rows
        self._tables = tables
        self.questions = 0

    def answer(self, question: Compare) -> Digests | Details:
        self.questions += 1
        if not question.wanted:
            return Digests(tuple(self._digest(table) for table in self._tables.values()))
        details = []
        for wanted in question.wanted:
            table = self._tables[wanted.table]
            found = list(marked(table, self._columns(table), wanted.count, wanted.numbers))
            keys = [list(column) for column in zip(*(key for key, _ in found), strict=True)]
            details.append(DetailFrame(table.name, keys, [marks for _, marks in found]))
        return Details(tuple(details))

    def _digest(self, table: Table) -> DigestFrame:
        digest = TableDigest(table)
        digest.add(self._columns(table))
        return DigestFrame(table.name, digest.rows, digest.buckets(buckets_for(digest.rows)))

    def _columns(self, table: Table) -> Columns:
        rows = self._rows.get(table.name)
        return [*zip(*rows, strict=True)] if rows else [[] for _ in table.columns]


def look_at(file: DeviceFile) -> Look:
    return Look(connect(file.path, engine=True), file.schemas)


def compared(file: DeviceFile, hub: Rows) -> tuple[Comparison, int]:
    """What comes of a comparison, and after how many questions."""
    told = Told(hub, dict(file.schema.tables))
    asking, question = Comparing(), Compare()
    while True:
        with closing(look_at(file)) as look:
            following = asking.take(look, told.answer(question))
        if following is None:
            break
        question = following
    return asking.comparison, told.questions


def fill(file: DeviceFile, rows: Rows) -> None:
    """As a delta would have: nothing of it is unsent."""
    file.app.execute("INSERT INTO _electric_guard VALUES (1)")
    for name, those in rows.items():
        file.app.execute(f"DELETE FROM {name}")
        marks = ", ".join("?" * len(file.schema.tables[name].columns))
        file.app.executemany(f"INSERT INTO {name} VALUES ({marks})", those)
    file.app.execute("DELETE FROM _electric_guard")


def by_key(table: Table, rows: list[Row]) -> dict[Row, dict[str, Value]]:
    named = [dict(zip(table.column_names, row, strict=True)) for row in rows]
    return {table.key_of(row): row for row in named}


def twin(table: Table, ours: list[Row], theirs: list[Row]) -> list[Difference]:
    """What has to be found."""
    named = [
        {
            table.key_of(row): row
            for row in (dict(zip(table.column_names, r, strict=True)) for r in rows)
        }
        for rows in (ours, theirs)
    ]
    found = []
    for key in sorted(named[0].keys() | named[1].keys()):
        one, other = named[0].get(key), named[1].get(key)
        if one is None or other is None:
            found.append(Difference(table.name, key, one is not None, other is not None))
        elif columns := tuple(n for n in table.column_names if one[n] != other[n]):
            found.append(Difference(table.name, key, True, True, columns))
    return found


notes = st.dictionaries(
    st.integers(0, 9), st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([0.0, 0.5]))
).map(lambda rows: [(key, *values) for key, values in rows.items()])
tags = st.sets(st.tuples(st.sampled_from("xyz"), st.integers(0, 3))).map(list)
some_rows = st.fixed_dictionaries({"notes": notes, "tags": tags})
quick = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(ours=some_rows, theirs=some_rows, at_once=st.sampled_from([1, 3, 100]))
def test_exactly_what_differs_is_named(
    tmp_path_factory: pytest.TempPathFactory, ours: Rows, theirs: Rows, at_once: int
) -> None:
    file = DeviceFile(tmp_path_factory.mktemp("compared") / "a.db", SCHEMA)
    with closing(file), pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "COMPARED_ROWS", at_once)
        fill(file, ours)
        found, _ = compared(file, theirs)
        assert found.rows == sum(map(len, theirs.values()))
        assert found.is_complete
        assert sorted(found.differences, key=lambda each: (each.table, each.key)) == [
            difference
            for table in file.schema
            for difference in twin(table, ours[table.name], theirs[table.name])
        ]


MANY: Rows = {"notes": [(number, "x", 0.5) for number in range(400)], "tags": []}


def test_equal_rows_need_one_question_and_few_differences_two(device: MakeDevice) -> None:
    file = device(SCHEMA)
    fill(file, MANY)
    assert compared(file, MANY) == (Comparison(rows=400), 1)
    other: Rows = {"notes": [*MANY["notes"][:-1], (399, "y", 0.5)], "tags": [("a", 1)]}
    found, questions = compared(file, other)
    assert found.differences == [
        Difference("notes", (399,), True, True, ("body",)),
        Difference("tags", (1, "a"), False, True),
    ]
    assert questions == 2


def test_many_differences_are_looked_at_some_at_a_time_and_not_all_named(
    device: MakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "COMPARED_ROWS", 100)
    file = device(SCHEMA)
    fill(file, MANY)
    found, questions = compared(file, {"notes": [], "tags": []})
    assert (len(found.differences), found.is_complete) == (400, True)
    monkeypatch.setattr(comparing, "DIFFERENCES_MAX", 150)
    fill(file, {"notes": [], "tags": []})
    found, questions = compared(file, MANY)
    assert (len(found.differences), found.is_complete) == (150, False)
    assert questions < 6


def test_what_is_not_settled_yet_is_left_out(device: MakeDevice) -> None:
    file = device(SCHEMA)
    fill(file, MANY)
    file.app.execute("UPDATE notes SET body = 'sealed' WHERE id = 1")
    file.app.execute("DELETE FROM notes WHERE id = 2")
    file.seal()
    file.app.execute("INSERT INTO notes VALUES (5000, 'not even sealed', 0)")
    file.app.execute("UPDATE notes SET id = 6000 WHERE id = 3")
    fill(file, {"tags": [("kept", 1)]})
    record_lives(file.engine, file.schema.tables["tags"], [((1, "kept"), 1, Life.KEPT)])
    found, _ = compared(file, MANY)
    assert (found.differences, found.unsettled) == ([], 6)


def test_a_look_is_not_moved_by_what_is_written_meanwhile(device: MakeDevice) -> None:
    file = device(SCHEMA)
    fill(file, MANY)
    with closing(look_at(file)) as look:
        fill(file, {"notes": [], "tags": []})
        digest = TableDigest(look.schema.tables["notes"])
        for columns in look.rows(look.schema.tables["notes"]):
            digest.add(columns)
    assert digest.rows == 400


def test_whoever_waits_for_a_comparison_is_told_or_failed(tmp_path: Path) -> None:
    waiters = Waiters()
    told: Future[Comparison] = Future()
    given_up: Future[Comparison] = Future()
    failed: Future[Comparison] = Future()
    given_up.cancel()
    waiters.comparisons += [told, given_up]
    waiters.compared(Comparison(rows=7))
    assert told.result(0).rows == 7
    waiters.comparisons.append(failed)
    waiters.fail(DeviceError("closed", "It was closed."))
    with pytest.raises(DeviceError):
        failed.result(0)
    assert waiters.comparisons == []
