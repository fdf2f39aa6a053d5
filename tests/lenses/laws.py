"""What must hold of lenses, each law as a function of chance: so that it can be asked of lenses
that are wrong, too (`test_mutants.py`)."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from electricsql.lenses import HIDDEN, Lens, Lineage, made
from electricsql.replication import (
    Author,
    Change,
    Incoming,
    Op,
    Row,
    RowId,
    Transaction,
    merge,
    transaction_id,
)
from electricsql.schema import Value
from tests.lenses.applications import Application, application
from tests.lenses.histories import KEYS, History, Sent, any_value
from tests.lenses.playing import Hub, Shown, play, values_shown

LATE = 10_000


def history(random: Random) -> History:
    return History(random, application(random))


def twin_agrees(random: Random) -> None:
    """Every version shows what the model says, by the writers that it says."""
    told = history(random)
    hub = play(told, random, group=random.randint(1, 3))
    rows = told.model.settled(told.arrived, hub.count)
    for version in range(hub.count):
        shown = hub.shown(version)
        assert values_shown(shown) == told.model.shown(rows, version, hub.count)
        for name, known in told.application.versions[version].items():
            for key, row in shown[name].items():
                if not row.alive:
                    continue
                settled = rows[known.uid, key]  # type: ignore[index]
                assert row.incarnation == settled.life
                for placed in known.columns[1:]:
                    fact = told.model.fact(placed, settled, version, hub.count)
                    writer = row.writers[placed.column.name]
                    assert hub.clocks.get(abs(writer)) == fact.writer
                    assert (writer < 0) == fact.made_up


def order_does_not_matter(random: Random) -> None:
    """However it arrives, and in whatever batches, all versions show the same."""
    told = history(random)
    one, other = (play(told, random, group=random.randint(1, 4)) for _ in range(2))
    for version in range(one.count):
        assert _essence(one.shown(version)) == _essence(other.shown(version))
    assert _essence_of(one.rows) == _essence_of(other.rows)


def _essence(shown: Shown) -> object:
    return {name: {key: _of(row) for key, row in rows.items()} for name, rows in shown.items()}


def _essence_of(rows: Mapping[RowId, Row]) -> object:
    return {id: _of(row) for id, row in rows.items()}


def _of(row: Row) -> object:
    """What of a row does not depend on the order in which things arrived."""
    if not row.alive:
        return row.incarnation
    writers = {name: writer for name, writer in row.writers.items() if writer}
    del writers[next(iter(row.writers))]  # a key has whoever came first
    return row.incarnation, dict(row.values), writers


def merging_commutes_with_translating(random: Random) -> None:
    """What a version shows of a merge is what merging would make of what it showed: of replaced
    rows and offered ones, too."""
    told = history(random)
    hub = play(told, random)
    for number in range(4):
        version = random.randrange(hub.count)
        sent = anything(random, hub, version, number)
        before = hub.shown(version)
        hub.merge(sent)
        assert _essence(hub.shown(version)) == _essence(_merged(hub, version, before, sent))


def _merged(hub: Hub, version: int, shown: Shown, sent: Sent) -> Shown:
    schema = hub.application.schemas[version][0]
    rows: dict[RowId, Row | None] = {
        RowId(change.table, change.key): None for change in sent.transaction.changes
    }
    rows |= {RowId(name, key): row for name, each in shown.items() for key, row in each.items()}
    author = Author(sent.id, sent.clock, hub.clocks, sent.seen.__contains__)
    merged = merge(schema, rows, [Incoming(sent.transaction, author)])
    after = {name: dict(each) for name, each in shown.items()}
    for id, row in merged.rows.items():
        after[id.table][id.key] = row
    return after


def anything(
    random: Random, hub: Hub, version: int, number: int, *, seen: bool | None = None
) -> Sent:
    """A transaction of somebody else, who knows all that is there, or nothing."""
    knows = random.random() < 0.5 if seen is None else seen
    shown = hub.shown(version)
    changes = list(_changes(random, hub, version, shown, knows=knows))
    hlc = random.choice((0, 5, LATE)) + number
    has_no_clock = any(change.op is Op.OFFER for change in changes) and random.random() < 0.5
    sealed = Transaction(1, 0 if has_no_clock else hlc, None, str(version), changes)
    ids = frozenset(hub.clocks) if knows else frozenset()
    return Sent(sealed, version, 10 + number, ids, transaction_id(LATE + number, 1), ())


def _changes(
    random: Random, hub: Hub, version: int, shown: Shown, *, knows: bool
) -> Iterator[Change]:
    for name, known in hub.application.versions[version].items():
        for key in ((each,) for each in KEYS):
            row = shown[name].get(key)
            old = row.values if row is not None and row.alive else None
            values: dict[str, Value] = {known.columns[0].column.name: key[0]}
            for placed in known.columns[1:]:
                column = placed.column
                choices = [any_value(random, placed), column.default_value]
                choices += [old[column.name]] * 3 if old else []
                values[column.name] = random.choice(choices)
            life = row.incarnation + (not row.alive) if row is not None and knows else 1
            op = random.choice((Op.INSERT, Op.INSERT, Op.OFFER, Op.UPDATE, Op.DELETE, None))
            if op is Op.UPDATE and old:
                del values[known.columns[0].column.name]
                changed = {each: value for each, value in values.items() if old[each] != value}
                yield Change(name, op, key, changed, life)
            elif op is Op.DELETE and old:
                yield Change(name, op, key, {}, life)
            elif op is Op.INSERT or op is Op.OFFER:
                yield Change(name, op, key, values, life)


def author_sees_its_own_write(random: Random) -> None:
    """Who knows all that is there, and writes last, is shown just what it wrote."""
    told = history(random)
    hub = play(told, random)
    for number in range(4):
        version = random.randrange(hub.count)
        sent = anything(random, hub, version, LATE + number, seen=True)
        changes = [change for change in sent.transaction.changes if change.op is not Op.OFFER]
        last = max((clock.hlc for clock in hub.clocks.values()), default=0)
        sent = _with(sent, changes, last + 1)
        expected = values_shown(hub.shown(version))
        for change in changes:
            rows = expected[change.table]
            if change.op is Op.DELETE:
                del rows[change.key]
            else:
                rows[change.key] = {**rows.get(change.key, {}), **change.values}
        hub.merge(sent)
        assert values_shown(hub.shown(version)) == expected


def _with(sent: Sent, changes: list[Change], hlc: int) -> Sent:
    sealed = Transaction(1, hlc, None, sent.transaction.schema_version, changes)
    return Sent(sealed, sent.version, sent.origin, sent.seen, sent.id, ())


def writing_what_is_shown_changes_nothing(random: Random) -> None:
    """An app that replaces rows by what it was shown of them changes them for nobody."""
    hub = play(history(random), random)
    for version in range(hub.count):
        changes = [
            Change(name, random.choice((Op.INSERT, Op.OFFER)), key, row.values, row.incarnation)
            for name, rows in hub.shown(version).items()
            for key, row in rows.items()
            if row.alive
        ]
        before = _essence_of(hub.rows)
        sealed = Transaction(1, LATE, None, str(version), changes)
        id = transaction_id(LATE + version, 1)
        hub.merge(Sent(sealed, version, 9, frozenset(hub.clocks), id, ()))
        assert _essence_of(hub.rows) == before


def a_version_touches_only_what_it_has(random: Random) -> None:
    """Registers that an author's version does not have keep their value and writer, in one life."""
    told = history(random)
    hub = play(told, random)
    for number in range(4):
        version = random.randrange(hub.count)
        sent = anything(random, hub, version, number)
        before = dict(hub.rows)
        hub.merge(sent)
        names = {uid: (table, columns) for uid, table, columns in hub.names()}
        for known in told.application.versions[version].values():
            table, columns = names[known.uid]
            own = {placed.uid for placed in known.columns}
            for uid in list(own):
                own |= {each.new.uid for each in told.application.forms(uid, hub.count - 1)}
            others = [name for uid, name in columns.items() if uid not in own]
            for id, row in hub.rows.items():
                old = before.get(id)
                if id.table == table and old is not None and old.incarnation == row.incarnation:
                    for name in others:
                        assert row.values[name] == old.values[name]
                        assert row.writers.get(name) == old.writers.get(name)


def a_migration_changes_nothing_for_who_is_there(random: Random) -> None:
    """All versions show the same before and after."""
    told = History(random, application(random, versions=6))
    hub = play(told, random)
    while hub.count < 6:
        before = hub.everything()
        hub.migrate(hub.count + 1)
        assert hub.everything()[: len(before)] == before


def twice_is_once(random: Random) -> None:
    """What arrives again changes nothing."""
    told = history(random)
    hub = Hub(told.application, told.rounds[0].count)
    for each in told.rounds:
        hub.migrate(each.count)
        for sent in each.order(random):
            hub.merge(sent)
            before = dict(hub.rows)
            hub.merge(sent)
            assert hub.rows == before


def a_transaction_stays_one(random: Random) -> None:
    """It keeps its author, number, clock, cursor and seal, and changes each of its rows."""
    told = history(random)
    hub = Hub(told.application, told.rounds[-1].count)
    for each in told.rounds:
        for sent in each.order(random):
            own, put = sent.transaction, hub.put(sent)
            assert (put.number, put.hlc, put.cursor) == (own.number, own.hlc, own.cursor)
            assert (put.mark, put.schema_version) == (own.mark, own.schema_version)
            assert [c.op for c in put.changes] == [c.op for c in own.changes]
            assert len({(c.table, c.key) for c in put.changes}) == len(put.changes)


def every_version_shows_rows_that_it_can_have(random: Random) -> None:
    """Also of rows that hold anything."""
    told = history(random)
    hub = play(told, random)
    free = {
        placed.uid
        for version in told.application.versions[: hub.count]
        for known in version.values()
        for placed in known.columns
        if not placed.column.not_null
    }
    names = {table: columns for _, table, columns in hub.names()}
    for id, row in hub.rows.items():
        free_here = [name for uid, name in names[id.table].items() if uid in free]
        empty = {name: None for name in free_here if random.random() < 0.5}
        hub.rows[id] = row._replace(values={**row.values, **empty})
    for version in range(hub.count):
        for name, rows in values_shown(hub.shown(version)).items():
            columns = told.application.schemas[version][0].tables[name].by_name
            for values in rows.values():
                assert values.keys() == columns.keys()
                for column, value in values.items():
                    assert value is not None or not columns[column].not_null


def steps_add_up(random: Random) -> None:
    """Writing step by step through neighbouring versions comes to the same as at once."""
    made_up = application(random)
    last = len(made_up.versions) - 1
    whole = made_up.lineage(last + 1)
    start = random.randrange(last + 1)
    for name, known in made_up.versions[start].items():
        values = {placed.column.name: any_value(random, placed) for placed in known.columns[1:]}
        one = Transaction(1, 7, None, str(start), [Change(name, Op.UPDATE, (1,), values)])
        step = one
        for version in range(start, last):
            step = _visible(_pair(made_up, version).view(str(version)).put(step))
        at_once = _visible(whole.view(str(start)).put(one))
        assert _named(step) == _named(at_once)


def _pair(application: Application, version: int) -> Lineage:
    """Two neighbouring versions, as if there were no others."""
    schema = application.schemas[version][0]
    first = Lens(tuple(made(str(version), table) for table in schema))
    return Lineage([(schema, first), application.schemas[version + 1]])


def _visible(transaction: Transaction) -> Transaction:
    """What of it the newest version has."""
    changes = [
        change._replace(
            values={
                name: value for name, value in change.values.items() if not name.startswith(HIDDEN)
            }
        )
        for change in transaction.changes
        if not change.table.startswith(HIDDEN)
    ]
    return Transaction(1, 7, None, None, changes)


def _named(transaction: Transaction) -> list[tuple[str, Mapping[str, Value]]]:
    return [(change.table, change.values) for change in transaction.changes if change.values]


Law = Callable[[Random], None]
LAWS: tuple[Law, ...] = (
    twin_agrees,
    order_does_not_matter,
    merging_commutes_with_translating,
    author_sees_its_own_write,
    writing_what_is_shown_changes_nothing,
    a_version_touches_only_what_it_has,
    a_migration_changes_nothing_for_who_is_there,
    twice_is_once,
    a_transaction_stays_one,
    every_version_shows_rows_that_it_can_have,
    steps_add_up,
)
