"""Known bugs, planted for a while, to see that the simulation finds each: a check that can't fail
shows nothing.

Each replaces one function; nothing in the product knows of it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from sys import modules
from typing import Any, Final
from unittest.mock import patch
from zlib import crc32

import msgspec

from electricsql.hub import NOWHERE, Claim
from electricsql.protocol import (
    Current,
    DeltaPart,
    DeviceEffects,
    DeviceSession,
    Registered,
    Took,
    Uploaded,
    Welcome,
)
from electricsql.replication import (
    NOBODY,
    OLDEST,
    Author,
    Change,
    Clock,
    Incoming,
    Row,
    RowId,
    Snapshot,
    Standing,
    change_row,
    hlc_at,
)
from electricsql.schema import Table
from electricsql.testing import dict_hub, service
from electricsql.testing.dict_device import DictDevice, Sealed
from electricsql.testing.dict_hub import DictHub
from electricsql.testing.dict_reading import DictReading
from electricsql.testing.example import Statement
from electricsql.testing.network import Wire
from electricsql.testing.service import Service, Stream
from electricsql.testing.stores import Submitted

_ROW: Final = modules["electricsql.replication.row"]
_MERGE: Final = modules["electricsql.replication.merge"]
Patches = Sequence[tuple[Any, str, Any]]  # whatever holds a function, its name, the other function


@dataclass(frozen=True)
class Bug:
    """A bug: what is wrong with it, and what to replace."""

    name: str
    what: str
    patches: Callable[[], Patches]


_BUGS: dict[str, Bug] = {}
BUGS: Final[Mapping[str, Bug]] = _BUGS


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Have this bug for a while."""
    with ExitStack() as stack:
        for owner, attribute, other in BUGS[name].patches():
            stack.enter_context(patch.object(owner, attribute, other))
        yield


def _bug(what: str) -> Callable[[Callable[[], Patches]], None]:
    """Register a bug under the name of the function that makes it."""

    def register(patches: Callable[[], Patches]) -> None:
        name = patches.__name__.strip("_").replace("_", "-")
        _BUGS[name] = Bug(name, what, patches)

    return register


# Uploads and acknowledgements.


@_bug("the service acknowledges what it has received, before it is committed")
def _acknowledge_before_commit() -> Patches:
    submit = Service._submit

    def early(self: Service, stream: Stream, uploaded: Uploaded) -> None:
        submit(self, stream, uploaded)
        stream.session.acknowledged = max(stream.session.acknowledged, uploaded.number)
        stream.served = False

    return [(Service, "_submit", early)]


@_bug("the service loses an upload now and then")
def _dropped_upload() -> Patches:
    submit = Service._submit

    def drop(self: Service, stream: Stream, uploaded: Uploaded) -> None:
        if crc32(uploaded.data) % 4:
            submit(self, stream, uploaded)

    return [(Service, "_submit", drop)]


@_bug("a transaction that is sent again is merged again")
def _duplicate_apply() -> Patches:
    def everything(_: DictHub, batch: Sequence[Submitted]) -> list[Submitted]:
        return list(batch)

    return [(DictHub, "_fresh", everything)]


@_bug("the newest upload is merged first")
def _reordered_upload() -> Patches:
    submit = Service._submit

    def last_first(self: Service, stream: Stream, uploaded: Uploaded) -> None:
        submit(self, stream, uploaded)
        self._queue.rotate(1)

    return [(Service, "_submit", last_first)]


@_bug("after a reconnection a device goes on where it was, instead of after the acknowledged")
def _no_resend() -> Patches:
    welcome = DeviceSession._welcome

    def go_on(self: DeviceSession, frame: Welcome) -> DeviceEffects:
        effects = welcome(self, frame)
        self._sent = max(self._sent, self._greeted)
        return DeviceEffects(place=effects.place, renew=effects.renew)

    return [(DeviceSession, "_welcome", go_on)]


@_bug("what an older session of a device has left is merged after a newer one has come")
def _no_fence() -> Patches:
    register = DictHub.register

    def always_the_same(self: DictHub, device: str, claim: Claim = NOWHERE) -> Registered:
        registered = register(self, device, claim)
        self._places[device].session = 0
        return msgspec.structs.replace(registered, session=0)

    return [(DictHub, "register", always_the_same)]


@_bug("a device does not notice that the hub has other transactions under its numbers")
def _unnoticed_copy() -> Patches:
    welcome = DeviceSession._welcome

    def believe(self: DeviceSession, frame: Welcome) -> DeviceEffects:
        number = min(frame.acknowledged, self._greeted)
        return welcome(
            self, msgspec.structs.replace(frame, acknowledged=number, acknowledged_mark=0)
        )

    return [(DeviceSession, "_welcome", believe)]


# Who wins.


@_bug("whoever arrives last wins")
def _arrival_order_wins() -> Patches:
    def latest(_: int, before: int, author: Author) -> bool:
        return abs(before) != author.id

    return [(_ROW, "_is_later", latest)]


@_bug("each change has a clock of its own")
def _clock_per_change() -> Patches:
    def change_alone(table: Table, row: Row | None, change: Change, author: Author) -> Row | None:
        jitter = crc32(f"{table.name}{author.clock.hlc}".encode()) % (1 << 21)
        clock = Clock(author.clock.hlc + jitter, author.clock.origin)
        return change_row(table, row, change, msgspec.structs.replace(author, clock=clock))

    return [(_MERGE, "change_row", change_alone)]


@_bug("clocks are the wall's, not hybrid ones")
def _wall_clock() -> Patches:
    def wall(_: object, now_ms: int) -> int:
        return hlc_at(now_ms)

    return [(DictDevice, "_tick", wall), (DictHub, "_tick", wall)]


@_bug("a direct write has the clock of its beginning, not of its commit")
def _clock_at_begin() -> Patches:
    write, commit, tick = DictHub.write, DictHub.commit, DictHub._tick
    begun: dict[tuple[int, int], int] = {}
    hlcs: list[int] = []

    def begin(self: DictHub, client: int, statements: Sequence[Statement]) -> bool:
        begun.setdefault((id(self), client), tick(self, 0))
        return write(self, client, statements)

    def end(self: DictHub, client: int, now_ms: int) -> None:
        hlcs.append(begun.pop((id(self), client)))
        commit(self, client, now_ms)

    def as_begun(_: DictHub, __: int) -> int:
        return hlcs.pop()

    return [(DictHub, "write", begin), (DictHub, "commit", end), (DictHub, "_tick", as_begun)]


@_bug("a delete wins over what its author had not observed")
def _delete_wins() -> Patches:
    def always(_: Row, __: Author) -> bool:
        return True

    return [(_ROW, "may_delete", always), (_MERGE, "may_delete", always)]


@_bug("a device's own writes count as unobserved by it")
def _own_writes_unobserved() -> Patches:
    def received(self: Author, transaction: int) -> bool:
        return transaction == NOBODY or self.sees(transaction)

    return [(Author, "observed", received)]


@_bug("a parent that a child needs is not brought back")
def _parents_stay_dead() -> Patches:
    def nothing(*_: object) -> set[RowId]:
        return set()

    return [(_MERGE, "_bring_parents_back", nothing)]


@_bug("a change is about the life of the row that it says, whatever its author had observed")
def _lives_at_their_word() -> Patches:
    def said(_: Table, __: Row, change: Change, ___: Author) -> int:
        return change.incarnation

    return [(_ROW, "life_meant", said), (_MERGE, "life_meant", said)]


# Deltas.


@_bug("each part of a delta is shown as it comes")
def _torn_apply() -> Patches:
    stage = DictDevice.stage

    def show(self: DictDevice, part: DeltaPart) -> None:
        stage(self, part)
        self._migrate(part)
        self._take([part])
        self._lay_unsent()

    return [(DictDevice, "stage", show)]


@_bug("what the app has committed is sealed after a delta, with the cursor of that")
def _seal_after_apply() -> Patches:
    apply = DictDevice.apply

    def late(self: DictDevice, last: DeltaPart, now_ms: int) -> Took:
        unsealed = self.has_unsealed
        result = apply(self, last, now_ms)
        if unsealed:
            sealed = self._sealed[-1]
            later = replace(sealed.transaction, cursor=self._cursor)
            self._sealed[-1] = replace(sealed, transaction=later)
        return result

    return [(DictDevice, "apply", late)]


@_bug("a cursor says nothing of the transactions that were running")
def _cursor_without_running() -> Patches:
    def everything(self: DictHub) -> Snapshot:
        return Snapshot(self._next_xid, self._next_xid)

    return [(DictHub, "snapshot", everything)]


@_bug("a delta overwrites what is not sent yet")
def _delta_overwrites_unsent() -> Patches:
    def only_the_hub(self: DictDevice) -> None:
        self._view = dict(self._base)
        self._shown = {row_id: row.values for row_id, row in self._base.items() if row.alive}

    return [(DictDevice, "_lay_unsent", only_the_hub)]


@_bug("what is not sent yet is always shown on top of a delta")
def _unsent_on_top() -> Patches:
    incoming = DictDevice._incoming

    def latest(self: DictDevice, sealed: Sealed) -> Incoming:
        made = incoming(self, sealed)
        clock = self._clocks[sealed.id] = Clock(1 << 62, self._origin)
        return replace(made, author=msgspec.structs.replace(made.author, clock=clock))

    return [(DictDevice, "_incoming", latest)]


@_bug("who wrote a row last is not sent it, whoever else had written it")
def _not_sent_to_the_last_writer() -> Patches:
    def last(self: DictReading, row: Row, *_: object) -> int:
        return self._hub.clocks.get(row.touched, OLDEST).origin

    return [(DictReading, "_author", last)]


@_bug("an author is not sent back what the hub has otherwise")
def _no_echo() -> Patches:
    def as_it_is(row: Row, _: int) -> Row:
        return row

    return [(dict_hub, "sent_back", as_it_is)]


@_bug("a delta lacks its migrations")
def _rows_before_their_migration() -> Patches:
    return [(service, "migration_frames", lambda _: ())]


@_bug("a question is answered before what was at the hub then is sent")
def _answered_at_once() -> Patches:
    receive = Service.receive

    def answer(self: Service, wire: Wire, data: bytes) -> None:
        receive(self, wire, data)
        stream = self._streams.get(wire)
        if stream is not None and stream.session.is_waiting:
            self._step(stream, Current(stream.session.asked))

    return [(Service, "receive", answer)]


# Copies of a file.


@_bug("what a copy of a file has sent is taken again from another one")
def _copies_unnoticed() -> Patches:
    def as_new(batch: Iterable[Incoming], _: Iterable[Sequence[int]]) -> list[Incoming]:
        return list(batch)

    return [(dict_hub, "notice", as_new)]


# Forgetting.


@_bug("the hub forgets what a live device has not passed")
def _forgotten_too_early() -> Patches:
    clean = DictHub.clean

    def at_once(self: DictHub, _: Collection[str] = ()) -> None:
        places = self._places
        self._places = {}
        clean(self)
        self._places = places

    return [(DictHub, "clean", at_once)]


@_bug("a device is not told that the hub has forgotten something which it lacks")
def _forgotten_unnoticed() -> Patches:
    def always_here(_: DictHub, __: object, ___: Claim) -> Standing:
        return Standing.HERE

    return [(DictHub, "_standing", always_here)]


@_bug("a device that is sent all rows keeps those that were forgotten")
def _forgotten_rows_stay() -> Patches:
    def clear_nothing(_: DictDevice) -> None:
        pass

    return [(DictDevice, "_clear", clear_nothing)]


@_bug("a device offers nothing of what the hub may have forgotten")
def _nothing_offered() -> Patches:
    def nothing(_: DictDevice, __: object, ___: object) -> dict[RowId, None]:
        return {}

    return [(DictDevice, "_needed", nothing)]


# Refusals and resets.


@_bug("what is refused is counted as if it were in, and forgotten")
def _refused_and_forgotten() -> Patches:
    merge_batch = DictHub._merge

    def forget(
        self: DictHub, fresh: Sequence[Submitted], batch: Sequence[Incoming], xid: int
    ) -> None:
        merge_batch(self, fresh, batch, xid)
        self.quarantine.clear()

    return [(DictHub, "_merge", forget)]


@_bug("the rows of a refused transaction are not sent back to its author")
def _refused_rows_stay() -> Patches:
    def nothing(_: object) -> set[RowId]:
        return set()

    return [(_MERGE, "wanted", nothing)]


@_bug("a device whose hub was reset keeps its rows")
def _rows_outlive_a_reset() -> Patches:
    start_over = DictDevice.start_over

    def keep(self: DictDevice, epoch: str) -> None:
        base = self._base
        start_over(self, epoch)
        self._base = base

    def clear_nothing(_: DictDevice) -> None:
        pass

    return [(DictDevice, "start_over", keep), (DictDevice, "_clear", clear_nothing)]


# Time.


@_bug("a device waits for a silent service without end")
def _endless_patience() -> Patches:
    def wait(_: DeviceSession, __: int, ___: bool) -> DeviceEffects:
        return DeviceEffects()

    return [(DeviceSession, "_clock", wait)]
