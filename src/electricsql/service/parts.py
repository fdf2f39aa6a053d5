"""Deltas as frames: every block is encoded once, and shared by all devices that are sent it.

Two devices' frames of one delta differ only where one of them wrote a block itself, and in what the
last part says to one device alone. Where a delta is not small, that part has nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

import msgspec

from electricsql.hub import Reading
from electricsql.lenses import View
from electricsql.limits import SHARED_DELTA_BYTES_MIN
from electricsql.protocol import (
    DeltaPart,
    MigrationFrame,
    RefusedFrame,
    Staged,
    encode_block,
    encode_clocks,
    encode_frame,
)
from electricsql.replication import AppliedMigration, Cursor, Part, Place, Refused


class EncodedPart(msgspec.Struct, frozen=True):
    """A part of a delta: its blocks with their authors (0: everybody is sent it)."""

    blocks: tuple[tuple[int, bytes], ...]
    clocks: bytes
    rows: int
    place: Place | None = None

    @property
    def size(self) -> int:
        """In bytes, about."""
        return sum(len(data) for _, data in self.blocks) + len(self.clocks)

    def blocks_for(self, origin: int) -> tuple[bytes, ...]:
        """What the device with that origin does not have yet; 0 has nothing."""
        return tuple(data for author, data in self.blocks if not origin or author != origin)

    def bytes_by(self, origin: int) -> int:
        """How much of it the device with that origin has made."""
        return sum(len(data) for author, data in self.blocks if author == origin)


EMPTY_PART = EncodedPart((), b"", 0)


def encode_part(part: Part, view: View | None = None) -> EncodedPart:
    """Encode the blocks of a part, as a schema version has them."""
    if view is not None:
        part = view.get(part)
    return EncodedPart(
        tuple((block.author, encode_block(block)) for block in part.blocks),
        encode_clocks(part.clocks),
        sum(map(len, part.blocks)),
        part.place,
    )


class Answer(msgspec.Struct, frozen=True):
    """What the last part of a delta tells one device: how far its transactions are in."""

    acknowledged: int
    refused: tuple[RefusedFrame, ...] = ()

    @classmethod
    def of(cls, acknowledged: int, refused: Sequence[Refused]) -> "Answer":
        frames = (RefusedFrame(each.number, each.code, each.message, each.fate) for each in refused)
        return cls(acknowledged, tuple(frames))


class Numbering(msgspec.Struct):
    """The delta that parts belong to, and how far its numbering is. `begun` and `since` are
    said of it in case that it is broken off (see `protocol.Staged`), `follows` of one that was."""

    cursor: Cursor
    whole: bool
    rows_total: int
    migrations: tuple[MigrationFrame, ...]
    part: int = 0
    rows: int = 0
    begun: Cursor | None = None
    since: Cursor | None = None
    follows: bool = False
    staged: Staged | None = None
    """What the last part has said of itself."""

    def frame(self, part: EncodedPart, origin: int, answer: Answer | None) -> bytes:
        """The next part as a frame for one device; the last one has the answer."""
        self.rows += part.rows
        blocks = part.blocks_for(0 if self.whole else origin)
        self.staged = self._staged(part.place)
        frame = DeltaPart(
            self.part,
            answer is not None,
            self.whole,
            str(self.cursor),
            answer.acknowledged if answer else 0,
            self.rows,
            max(self.rows, self.rows_total),
            self.migrations if self.part == 0 else (),
            answer.refused if answer else (),
            part.clocks if blocks else b"",
            blocks,
            self.staged,
            self.follows and self.part == 0,
        )
        self.part += 1
        return encode_frame(frame)

    def _staged(self, place: Place | None) -> Staged | None:
        if self.begun is None or place is None:
            return None
        since = str(self.since) if self.since is not None else None
        return Staged(str(self.begun), self.whole, self.rows, *place, since)


@dataclass(slots=True)
class EncodedDelta:
    """A delta that is small enough to be held whole, for any number of devices."""

    cursor: Cursor
    whole: bool
    migrations: tuple[MigrationFrame, ...]
    parts: Sequence[EncodedPart]
    _rows_before: list[int] = field(init=False)
    """How many rows there are before each part, and in all."""
    _small: dict[tuple[int, Answer], bytes] = field(default_factory=dict)
    _large: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rows_before = list(accumulate((part.rows for part in self.parts), initial=0))

    @property
    def is_empty(self) -> bool:
        return not self.migrations and not self.parts and not self.whole

    def frames(self, origin: int, answer: Answer) -> tuple[bytes, ...]:
        """The frames for a device; the same bytes for all that are to be told the same."""
        if len(self.parts) < 2 and self._size < SHARED_DELTA_BYTES_MIN:
            return (self._whole_frame(origin, answer),)
        parts = [self._part_frame(number, origin) for number in range(len(self.parts))]
        return (*parts, self._numbering(len(parts)).frame(EMPTY_PART, origin, answer))

    @property
    def _size(self) -> int:
        return sum(part.size for part in self.parts)

    def _whole_frame(self, origin: int, answer: Answer) -> bytes:
        part = self.parts[0] if self.parts else EMPTY_PART
        key = (origin if part.bytes_by(origin) and not self.whole else 0, answer)
        if key not in self._small:
            self._small[key] = self._numbering(0).frame(part, *key)
        return self._small[key]

    def _part_frame(self, number: int, origin: int) -> bytes:
        """A part without an answer. What a device made itself is left out if that is most of it:
        one encoding more costs more than some rows that it has already."""
        part = self.parts[number]
        is_own = 2 * part.bytes_by(origin) > part.size and not self.whole
        key = (number, origin if is_own else 0)
        if key not in self._large:
            self._large[key] = self._numbering(number).frame(part, key[1], None)
        return self._large[key]

    def _numbering(self, number: int) -> Numbering:
        rows = self._rows_before
        return Numbering(
            self.cursor, self.whole, rows[-1], self.migrations, part=number, rows=rows[number]
        )


class Step(NamedTuple):
    """What a device is sent with a delta besides its rows: the migrations that it follows; and the
    version that the rows are for: as the last of them leaves it."""

    migrations: tuple[MigrationFrame, ...]
    view: View


def step_from(reading: Reading, version: str | None) -> Step:
    """The next step of a device at a schema version."""
    migrations = migration_frames(reading.versions.after(version))
    return Step(migrations, reading.versions.view(migrations[-1].name if migrations else version))


def migration_frames(migrations: Sequence[AppliedMigration]) -> tuple[MigrationFrame, ...]:
    """Migrations as a delta carries them."""
    return tuple(
        MigrationFrame(each.name, each.title, each.sha256, tuple(each.statements))
        for each in migrations
    )
