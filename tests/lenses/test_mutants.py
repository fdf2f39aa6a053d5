"""Lenses that are wrong in a way that suggests itself are found by the laws."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import msgspec
import pytest

from electricsql.lenses import Form, TableView, View, lineage, view
from electricsql.lenses.view import NO_FORMS, Forms
from electricsql.replication import Author, Change, Clock, Op, Row, Shadow, Transaction, row
from electricsql.schema import Column, Table, Value
from tests.lenses import playing
from tests.lenses.histories import Sent
from tests.lenses.laws import LAWS

Patch = Callable[[pytest.MonkeyPatch], None]
_put = TableView.put
_hub_put = playing.Hub.put
_convert = playing.Hub._convert
_written = row._written
_coming = row._coming
_born = row._born
_stored = lineage._Register.stored


def _patched(**names: object) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        for name, naive in names.items():
            monkeypatch.setattr(TableView, name, naive)

    return patch


def _whole_rows(hub: playing.Hub, sent: Sent) -> Transaction:
    """An update writes all that its author's version shows of the row."""
    shown, schema = hub.shown(sent.version), hub.view(sent.version).schema
    changes = [
        change._replace(values={**_beside_key(there, schema.tables[change.table]), **change.values})
        if change.op is Op.UPDATE and (there := shown[change.table].get(change.key))
        else change
        for change in sent.transaction.changes
    ]
    return _hub_put(hub, replace(sent, transaction=replace(sent.transaction, changes=changes)))


def _beside_key(there: Row, table: Table) -> dict[str, Value]:
    return {name: value for name, value in there.values.items() if name not in table.primary_key}


def _stamped_defaults(seen: TableView, change: Change, forms: Forms = NO_FORMS) -> Change:
    """An insert writes the defaults of columns that its author does not have."""
    put = _put(seen, change, forms)
    defaults = seen.base.default_values if change.op is Op.INSERT else {}
    return put._replace(values={**defaults, **put.values})


def _own_defaults(seen: TableView, change: Change, forms: Forms = NO_FORMS) -> Change:
    """Defaults of an insert count as written."""
    return _put(seen, change, forms)._replace(made_up=frozenset())


def _defaults_of_the_base(seen: TableView, change: Change, forms: Forms = NO_FORMS) -> Change:
    """The newest version says what was made up."""
    return _put(seen, change, forms)._replace(made_up=None)


def _no_hidden(seen: TableView, change: Change, forms: Forms = NO_FORMS) -> Change:
    """What newer versions do not have is not stored."""
    put = _put(seen, change, forms)
    values = {
        name: value for name, value in put.values.items() if not seen.base.by_name[name].hidden
    }
    return put._replace(values=values)


def _by_name(seen: TableView, change: Change, forms: Forms = NO_FORMS) -> Change:
    """A name means what it means to the newest version."""
    own = {
        name: name if name in seen.base.by_name else seen.registers[name] for name in change.values
    }
    values = {own[name]: value for name, value in change.values.items()}
    return _put(seen, change, forms)._replace(values=values)


def _one_life(seen: TableView, change: Change, forms: Forms = NO_FORMS) -> Change:
    """Rows have no lives."""
    return _put(seen, change, forms)._replace(incarnation=1)


def _echoes(seen: TableView, change: Change, forms: Forms = NO_FORMS) -> Change:
    """What stands for NULL is written when a row is replaced."""
    return _put(seen, change, forms)._replace(unchanged=None)


def _unobserved(table: Table, old: Row, change: Change, author: Author) -> object:
    """A default that somebody set by REPLACE counts as made up."""
    return _written(table, old, change, msgspec.structs.replace(author, sees=lambda _: False))


def _replaces_all(table: Table, old: Row, change: Change, author: Author) -> object:
    """REPLACE writes what is as it was, too."""
    return _coming(table, old, change, author)[0], ()


def _kept_lives(table: Table, change: Change, author: Author, life: int) -> Row:
    """A new life has what nobody writes from the last one: here, nothing."""
    born = _born(table, change, author, life)
    hidden = {column.name: None for column in table.columns if column.hidden}
    return born._replace(values={**born.values, **hidden, **change.values})


def _no_down(register: lineage._Register) -> Column:
    """Who has a dropped column sees nothing in new rows."""
    column = _stored(register)
    return replace(column, default=None) if column.hidden else column


def _writers_by_place(seen: TableView, shadow: Shadow) -> Shadow:
    """Writers stand in a version's own order."""
    return shadow._replace(writers=shadow.writers[: len(seen.columns)])


def _newest_form(places: Sequence[int], *_: object) -> int:
    """Who wrote a value reads what it was converted to and back."""
    return len(places) - 1


def _own_form(*_: object) -> int:
    """What a version wrote last is what it reads, whoever wrote since."""
    return 0


def _backfilled(hub: playing.Hub, table: str, register: str, form: Form) -> None:
    """Who converts rows writes them."""
    _convert(hub, table, register, form)
    writer = 1_000_000
    hub.clocks[writer] = Clock(1_000, 0)
    for id, there in hub.rows.items():
        if id.table == table:
            writers = {**there.writers, form.register: writer}
            hub.rows[id] = there._replace(writers=writers)


def _unconverted(_: View, *__: object) -> dict[int, Forms]:
    """Newer versions are not written to."""
    return {}


def _forms_as_written(seen: TableView, change: Change, forms: Forms = NO_FORMS) -> Change:
    """What comes of a default is written."""
    put = _put(seen, change, forms)
    return put._replace(made_up=put.made_up and put.made_up - forms.values.keys())


def _at(target: object, name: str, naive: object) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(target, name, naive)


MUTANTS: dict[str, Patch] = {
    "T3 whole rows": _at(playing.Hub, "put", _whole_rows),
    "T3 echoes": _patched(put=_echoes),
    "T4 stamped defaults": _patched(put=_stamped_defaults),
    "T7 by name": _patched(put=_by_name),
    "T7 writers by place": _patched(_shadow=_writers_by_place),
    "T3a newest form": _at(view, "source", _newest_form),
    "T3a own form": _at(view, "source", _own_form),
    "T4 forms as written": _patched(put=_forms_as_written),
    "T5 backfilled": _at(playing.Hub, "_convert", _backfilled),
    "unconverted": _at(View, "_raised", _unconverted),
    "T9 own defaults": _patched(put=_own_defaults),
    "T9 defaults of the base": _patched(put=_defaults_of_the_base),
    "T11 one life": _patched(put=_one_life),
    "T11 unobserved": _at(row, "_written", _unobserved),
    "T11 whole REPLACE": _at(row, "_coming", _replaces_all),
    "nothing hidden": _patched(put=_no_hidden),
    "hidden NULLs": _at(row, "_born", _kept_lives),
    "no down": _at(lineage._Register, "stored", _no_down),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_naive_form_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    assert any(map(_finds, range(1000))), "no law has found it"


def _finds(seed: int) -> bool:
    for law in LAWS:
        try:
            law(Random(seed))
        except (AssertionError, KeyError):
            return True
    return False
