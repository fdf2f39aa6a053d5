"""Parts of a delta, kept until its last one has come: in memory while they are few, then in a
temporary file."""

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

from electricsql.limits import SPOOL_BYTES
from electricsql.protocol import DeltaPart, decode_down, encode_frame


class Spool:
    """Takes parts one by one, gives them back in their order."""

    def __init__(self) -> None:
        self._kept: list[DeltaPart] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._sizes: list[int] = []

    def add(self, part: DeltaPart) -> None:
        """Keep a part."""
        if self._bytes < SPOOL_BYTES:
            self._kept.append(part)
            self._bytes += sum(map(len, part.blocks)) + len(part.clocks)
            return
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115 (closed by `clear`)
        frame = encode_frame(part)
        self._file.write(frame)
        self._sizes.append(len(frame))

    def parts(self) -> Iterator[DeltaPart]:
        """What was kept."""
        yield from self._kept
        if self._file is not None:
            self._file.seek(0)
            for size in self._sizes:
                part = decode_down(self._file.read(size))
                assert isinstance(part, DeltaPart)
                yield part

    def clear(self) -> None:
        """Forget everything."""
        if self._file is not None:
            self._file.close()
        self._kept, self._bytes, self._file, self._sizes = [], 0, None, []
