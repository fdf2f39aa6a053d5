"""Two stores side by side that have to do the same: what the simple one shows, the other one has to
show too, after every step."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NoReturn, Self, TypeVar

from electricsql.protocol import DeltaPart, Opened, Took, decode_transaction
from electricsql.replication import RowId
from electricsql.testing.device import Mistake
from electricsql.testing.dict_device import DictDevice
from electricsql.testing.example import VERSIONS, Shown, Statement
from electricsql.testing.stores import DeviceStore

T = TypeVar("T")


class Apart(Exception):
    """They show different things, and both may: a parent without children that only a child kept
    which is gone by now. The hub will say that it is there; until then that is a guess."""


class PairedDevice:
    """A `DeviceStore` that is a `DictDevice` and another one."""

    def __init__(self, names: Iterator[str], make: Callable[[Iterator[str]], DeviceStore]) -> None:
        drawn: deque[str] = deque()
        self._simple: DeviceStore = DictDevice(_noted(names, drawn))
        self._other = make(_again(drawn))

    @property
    def version(self) -> int:
        return _same(self._simple.version, self._other.version)

    @property
    def has_unsealed(self) -> bool:
        return _same(self._simple.has_unsealed, self._other.has_unsealed)

    @property
    def pending(self) -> Mapping[int, int]:
        return _same(self._simple.pending, self._other.pending)

    def opened(self) -> Opened:
        """What is there for reconciling is not compared: the simple one has none of it."""
        simple, other = self._simple.opened(), self._other.opened()
        _same(_identity(simple), _identity(other))
        return other

    def write(self, statements: Sequence[Statement]) -> bool:
        written = _same(self._simple.write(statements), self._other.write(statements))
        self.shown()
        return written

    def seal(self, now_ms: int) -> int:
        return _same(self._simple.seal(now_ms), self._other.seal(now_ms))

    def load(self, number: int) -> bytes:
        """The order of changes, and so of bytes, is nobody's promise."""
        loaded = self._other.load(number)
        _same(_read(self._simple.load(number)), _read(loaded))
        return loaded

    def place(self, origin: int) -> None:
        self._simple.place(origin)
        self._other.place(origin)

    def stage(self, part: DeltaPart) -> None:
        self._simple.stage(part)
        self._other.stage(part)

    def apply(self, last: DeltaPart, now_ms: int) -> Took:
        applied = _same(self._simple.apply(last, now_ms), self._other.apply(last, now_ms))
        self.shown()
        return applied

    def renew(self) -> int:
        return _same(self._simple.renew(), self._other.renew())

    def reconcile(self, acknowledged: int, horizon: int, now_ms: int, /) -> None:
        self._simple.reconcile(acknowledged, horizon, now_ms)
        self._other.reconcile(acknowledged, horizon, now_ms)
        self.shown()

    def start_over(self, epoch: str) -> None:
        self._simple.start_over(epoch)
        self._other.start_over(epoch)
        self.shown()

    def crash(self) -> None:
        self._simple.crash()
        self._other.crash()
        self.shown()

    def shown(self) -> Shown:
        simple, other = self._simple.shown(), self._other.shown()
        if simple != other:
            _explain(simple, other)
        return simple

    def copy(self) -> Self:
        other = object.__new__(type(self))
        other._simple, other._other = self._simple.copy(), self._other.copy()
        return other


def _explain(simple: Shown, other: Shown) -> NoReturn:
    """What differs, and whether it may."""
    both = {row_id: (simple.get(row_id), other.get(row_id)) for row_id in {*simple, *other}}
    differences = {row_id: two for row_id, two in both.items() if two[0] != two[1]}
    needed = {RowId("parents", (row["parent"],)) for row in simple.values() if "parent" in row}
    if all(
        row_id.table == "parents" and row_id not in needed and two[1] is None
        for row_id, two in differences.items()
    ):
        raise Apart
    raise Mistake("stores", f"they show different rows: {differences}")


def _noted(names: Iterator[str], drawn: deque[str]) -> Iterator[str]:
    for name in names:
        drawn.append(name)
        yield name


def _again(drawn: deque[str]) -> Iterator[str]:
    while True:
        yield drawn.popleft()


def _same(simple: T, other: T) -> T:
    if simple != other:
        raise Mistake("stores", f"they say different things: {simple}, {other}")
    return simple


def _identity(opened: Opened) -> tuple[object, ...]:
    return opened.device, opened.cursor, opened.schema_version, opened.sealed, set(opened.unsent)


def _read(data: bytes) -> tuple[object, ...]:
    transaction = decode_transaction(data, VERSIONS[-1].schema.tables)
    changes = {(each.table, each.key): each._replace(ended=0) for each in transaction.changes}
    return transaction.number, transaction.hlc, transaction.cursor, changes
