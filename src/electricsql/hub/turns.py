"""In which turns rows are updated, so that a value that must be unique is free when it is taken.
Pure.

Postgres looks at each row by itself, and a merge writes only what a transaction came to: that one
row gave its value to another, that two swapped theirs, or that a row which is deleted had it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from electricsql.schema import Conditions, Table, Value, columns_read, index_columns, sources

Values: TypeAlias = Mapping[str, Value]


class Update(NamedTuple):
    """A row as it was and as it is to be, and the columns that differ."""

    before: Values
    after: Values
    columns: tuple[str, ...]


@dataclass(slots=True)
class Turns:
    """Updates that must come one after the other; `late` are those after the deletes."""

    early: list[list[Update]] = field(default_factory=list)
    late: list[list[Update]] = field(default_factory=list)


def in_turns(table: Table, updates: Sequence[Update], gone: Iterable[Values]) -> Turns:
    """The updates of one table, given also the rows of it that are deleted.

    Where rows pass values round in a circle, one of them gives its own up first, if it may be
    NULL; if not, Postgres refuses. Of what waits for a delete, only the unique columns wait: a
    child has to have left its parent before that is deleted.
    """
    with closing(Conditions(table)) as conditions:
        return _in_turns(table, updates, gone, _Rules(table, conditions))


def _in_turns(
    table: Table, updates: Sequence[Update], gone: Iterable[Values], rules: "_Rules"
) -> Turns:
    unique = rules.columns
    claims = [_Claim(each, rules) for each in updates if not unique.isdisjoint(each.columns)]
    if not claims:
        return Turns([list(updates)] if updates else [])
    holders = {taken: claim for claim in claims for taken in claim.frees}
    deleted = {taken for values in gone for taken in rules.taken(values)}
    for claim in claims:
        claim.after = [holders[taken] for taken in claim.takes if taken in holders]
        claim.is_late = not deleted.isdisjoint(claim.takes)
    for claim in claims:
        _place(claim)
    parked = [_given_up(table, claim.update, rules.unique) for claim in claims if claim.is_parked]
    waiting = unique - {name for key in table.foreign_keys for name in key.columns}
    rest = [_without(claim.update, waiting) for claim in claims if claim.is_late]
    others = [each for each in updates if unique.isdisjoint(each.columns)]
    parked, others = ([e for e in turn if e.columns] for turn in (parked, others + rest))
    early = [parked, others, *_by_turn(claim for claim in claims if not claim.is_late)]
    late = _by_turn(claim for claim in claims if claim.is_late)
    return Turns([turn for turn in early if turn], [turn for turn in late if turn])


_Taken: TypeAlias = tuple[int, tuple[Value, ...]]
"""A rule's number, and what a row has in its columns."""


class _Rules:
    """What must be unique in a table: for each rule the columns that decide what it is over, as far
    as somebody writes them. `columns` are these, and those that decide for which rows a rule is."""

    def __init__(self, table: Table, conditions: Conditions) -> None:
        indexes = [index for index in table.indexes if index.unique]
        self._rules = [
            (tuple(sorted(sources(table, index_columns(table, index)))), index.where)
            for index in indexes
        ]
        self._conditions = conditions
        self.unique = frozenset(name for names, _ in self._rules for name in names)
        read = (columns_read(table, index.where) for index in indexes if index.where)
        self.columns = self.unique.union(*(sources(table, names) for names in read))

    def taken(self, values: Values) -> Iterator[_Taken]:
        """What a row takes. Upper and lower case count as the same, since to some rules they are:
        where they are not, an update may have a turn of its own in vain."""
        for number, (names, where) in enumerate(self._rules):
            held = tuple(values[name] for name in names)
            if None not in held and (not where or self._conditions.holds(where, values)):
                folded = (each.lower() if isinstance(each, str) else each for each in held)
                yield number, tuple(folded)


class _Claim:
    """An update that takes or frees unique values: after whom it comes, and in which turn."""

    def __init__(self, update: Update, rules: _Rules) -> None:
        before, after = set(rules.taken(update.before)), set(rules.taken(update.after))
        self.update = update
        self.frees = before - after
        self.takes = after - before
        self.after: list[_Claim] = []
        self.turn = -1
        self.is_late = False
        self.is_parked = False
        self.is_on_path = False


def _place(start: _Claim) -> None:
    """Give an update its turn, and before it those that it comes after."""
    path = [start] if start.turn < 0 else []
    while path:
        claim = path[-1]
        claim.is_on_path = True
        after = [each for each in claim.after if not each.is_parked]
        missing = next((each for each in after if each.turn < 0), None)
        if missing is None:
            claim.turn = max((each.turn + 1 for each in after), default=0)
            claim.is_late |= any(each.is_late for each in after)
            claim.is_on_path = False
            path.pop()
        elif missing.is_on_path:
            missing.is_parked = True
        else:
            path.append(missing)


def _by_turn(claims: Iterable[_Claim]) -> list[list[Update]]:
    turns: dict[int, list[Update]] = {}
    for claim in claims:
        turns.setdefault(claim.turn, []).append(claim.update)
    return [turns[number] for number in sorted(turns)]


def _given_up(table: Table, update: Update, unique: Iterable[str]) -> Update:
    """The row without those of its unique values that it changes, as far as they may be NULL."""
    names = [name for name in unique if name in update.columns]
    may = tuple(sorted(name for name in names if not table.by_name[name].not_null))
    return Update(update.before, {**update.before, **dict.fromkeys(may)}, may)


def _without(update: Update, names: Iterable[str]) -> Update:
    left = tuple(name for name in update.columns if name not in set(names))
    return update._replace(columns=left)
