"""Histories of one application in which devices of different versions write, go on to newer
versions, and send what they wrote in their time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from electricsql.replication import Change, Clock, Op, Transaction, same, transaction_id
from electricsql.schema import Value
from tests.lenses.applications import VALUES, Application, Known, Placed
from tests.lenses.reference import Cell, Id, Model, Write

KEYS = (1, 2, 3)


@dataclass(frozen=True)
class Sent:
    """A transaction as its author wrote it, and what it writes into registers."""

    transaction: Transaction
    version: int
    origin: int
    seen: frozenset[int]
    id: int
    writes: tuple[Write, ...]

    @property
    def clock(self) -> Clock:
        return self.transaction.clock(self.origin)


@dataclass
class Round:
    """How many versions there are, and what each device sends then, in its order."""

    count: int
    queues: list[list[Sent]]

    def order(self, random: Random) -> list[Sent]:
        """One order in which it can arrive."""
        queues, order = [list(queue) for queue in self.queues if queue], []
        while queues:
            queue = random.choice(queues)
            order.append(queue.pop(0))
            queues = [queue for queue in queues if queue]
        return order


Rows = dict[Id, dict[str, Value]]


@dataclass
class _Device:
    """What a device has in its file: rows by the uids of their columns."""

    origin: int
    version: int
    hlc: int = 0
    seen: frozenset[int] = frozenset()
    rows: Rows = field(default_factory=dict)
    lives: dict[Id, int] = field(default_factory=dict)
    ended: dict[Id, int] = field(default_factory=dict)
    blind: set[str] = field(default_factory=set)
    """Tables that it has, and was sent nothing of."""
    outbox: list[Sent] = field(default_factory=list)


class History:
    """A history of random rounds. Devices read what the model says that they are shown."""

    def __init__(self, random: Random, application: Application) -> None:
        self.application = application
        self.model = Model(application)
        self.rounds: list[Round] = []
        self.arrived: list[tuple[int, Write]] = []
        self._random = random
        self._transactions = 0
        count = random.randint(1, len(application.versions))
        self._devices = [_Device(origin, random.randrange(count)) for origin in (1, 2, 3)]
        for _ in range(random.randint(2, 5)):
            self.rounds.append(self._round(count))
            count = min(len(application.versions), count + random.randint(0, 3))
        self.rounds.append(Round(count, [device.outbox for device in self._devices]))
        self._arrive(self.rounds[-1])

    def _arrive(self, made: Round) -> None:
        sent = [each for queue in made.queues for each in queue]
        self.arrived += [(made.count, write) for each in sent for write in each.writes]

    def _round(self, count: int) -> Round:
        for device in self._devices:
            if device.version + 1 < count and self._random.random() < 0.4:
                self._upgrade(device, self._random.randrange(device.version + 1, count))
            if not device.outbox:
                self._receive(device, count)
            for _ in range(self._random.randint(0, 2)):
                self._write(device)
        queues: list[list[Sent]] = []
        for device in self._devices:
            is_late = self._random.random() < 0.3
            queues.append([] if is_late else device.outbox)
            device.outbox = device.outbox if is_late else []
        made = Round(count, queues)
        self._arrive(made)
        return made

    def _receive(self, device: _Device, count: int) -> None:
        rows = self.model.settled(self.arrived, count)
        device.blind.clear()
        device.rows, device.lives, device.ended = {}, {}, {}
        for name, shown in self.model.shown(rows, device.version, count).items():
            known = self.application.versions[device.version][name]
            uids = {placed.column.name: placed.uid for placed in known.columns}
            for key, values in shown.items():
                row = {uids[column]: value for column, value in values.items()}
                device.rows[Id(known.uid, key)] = row
        for id, settled in rows.items():
            device.lives[id] = settled.life
            device.ended[id] = settled.life - settled.alive
        device.seen = frozenset(write.id for _, write in self.arrived)
        hlcs = [write.clock.hlc for _, write in self.arrived]
        device.hlc = max([device.hlc, *hlcs])

    def _upgrade(self, device: _Device, version: int) -> None:
        """What the migrations make of the file: nobody has to be asked."""
        old = {known.uid for known in self.application.versions[device.version].values()}
        device.version = version
        tables = {known.uid: known for known in self.application.versions[version].values()}
        device.blind |= tables.keys() - old
        rows = {id: row for id, row in device.rows.items() if id.table in tables}
        device.rows = {
            id: {placed.uid: _previewed(placed, row) for placed in tables[id.table].columns}
            for id, row in rows.items()
        }

    def _write(self, device: _Device) -> None:
        device.hlc += self._random.randint(1, 5)
        self._transactions += 1
        id = transaction_id(self._transactions, 1)
        changes: dict[Id, Change] = {}
        writes: list[Write] = []
        for _ in range(self._random.randint(1, 3)):
            tables = self.application.versions[device.version]
            name = self._random.choice(list(tables))
            row = Id(tables[name].uid, (self._random.choice(KEYS),))
            can_insert = row.table not in device.blind
            if row in changes or (row not in device.rows and not can_insert):
                continue
            op, cells = self._change(device, row, tables[name])
            if op is Op.UPDATE and not cells:
                continue
            names = {placed.uid: placed.column.name for placed in tables[name].columns}
            life, ended = device.lives.get(row, 1), device.ended.get(row, 0)
            values = {names[uid]: cell.value for uid, cell in cells.items()}
            changes[row] = Change(name, op, row.key, values, life, ended)
            clock = Clock(device.hlc, device.origin)
            writes.append(Write(row, op, life, cells, clock, id, device.seen))
        version = str(device.version)
        sealed = Transaction(0, device.hlc, None, version, tuple(changes.values()))
        sent = Sent(sealed, device.version, device.origin, device.seen, id, tuple(writes))
        device.outbox.append(sent)

    def _change(self, device: _Device, row: Id, known: Known) -> tuple[Op, Mapping[str, Cell]]:
        there = device.rows.get(row)
        if there is None:
            return Op.INSERT, self._insert(device, row, known)
        if self._random.random() < 0.25:
            del device.rows[row]
            return Op.DELETE, {}
        is_replaced = self._random.random() < 0.3
        new = {
            placed.uid: any_value(self._random, placed)
            for placed in known.columns[1:]
            if is_replaced or self._random.random() < 0.4
        }
        differ = {uid: value for uid, value in new.items() if not same(value, there[uid])}
        there.update(differ)
        return Op.UPDATE, {uid: Cell(value) for uid, value in differ.items()}

    def _insert(self, device: _Device, row: Id, known: Known) -> Mapping[str, Cell]:
        if row in device.lives:
            device.lives[row] += 1
        cells = {known.columns[0].uid: Cell(row.key[0])}
        for placed in known.columns[1:]:
            default = placed.column.default_value
            value = default if self._random.random() < 0.4 else any_value(self._random, placed)
            cells[placed.uid] = Cell(value, made_up=same(value, default))
        device.rows[row] = {uid: cell.value for uid, cell in cells.items()}
        device.lives.setdefault(row, 1)
        return cells


def _previewed(placed: Placed, row: Mapping[str, Value]) -> Value:
    return row.get(placed.uid, placed.column.default_value)


def any_value(random: Random, placed: Placed) -> Value:
    choices = list(VALUES[placed.column.type])
    if not placed.column.not_null:
        choices.append(None)
    return random.choice(choices)
