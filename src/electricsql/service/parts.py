"""Deltas as frames: every block is encoded once, and shared by all devices that are sent it.

Two devices' frames of one delta differ only where one of them wrote a block itself, and in what the
last part says to one device alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

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


EMPTY_PART = EncodedPart((), b"", 0)


def encode_part(part: Part) -> EncodedPart:
    """Encode the blocks of a part."""
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


@dataclass(slots=True)
class Numbering:
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

    def frame(self, part: EncodedPart, origin: int, answer: Answer | None) -> bytes:
        """The next part as a frame for one device; the last one has the answer."""
        self.rows += part.rows
        blocks = part.blocks_for(0 if self.whole else origin)
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
            self._staged(part.place),
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
    _frames: dict[tuple[int, Answer], tuple[bytes, ...]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not self.migrations and not self.parts and not self.whole

    def frames(self, origin: int, answer: Answer) -> tuple[bytes, ...]:
        """The frames for a device; the same bytes for all that are to be told the same."""
        wrote = any(author == origin for part in self.parts for author, _ in part.blocks)
        key = (origin if wrote and not self.whole else 0, answer)
        frames = self._frames.get(key)
        if frames is None:
            frames = self._frames[key] = self._encode(*key)
        return frames

    def _encode(self, origin: int, answer: Answer) -> tuple[bytes, ...]:
        parts = self.parts or (EMPTY_PART,)
        total = sum(part.rows for part in parts)
        numbering = Numbering(self.cursor, self.whole, total, self.migrations)
        return tuple(
            numbering.frame(part, origin, answer if part is parts[-1] else None) for part in parts
        )


def migration_frames(migrations: Sequence[AppliedMigration]) -> tuple[MigrationFrame, ...]:
    """Migrations as a delta carries them."""
    return tuple(
        MigrationFrame(each.name, each.title, each.sha256, tuple(each.statements))
        for each in migrations
    )
