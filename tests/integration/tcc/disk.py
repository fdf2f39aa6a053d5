"""A disk that fails and a clock that lies, for one process: a library that is preloaded into it.

`faulty.c` stands between the process and the C library: the process's own SQLite meets the faults,
in the app's connection and in the engine's alike. It is compiled when it is first wanted; where
there is no C compiler, what needs it is skipped.
"""

import mmap
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import pytest

_SOURCE: Final = Path(__file__).with_name("faulty.c")
_PAGE: Final = struct.Struct("6iq")
_RECORD: Final = struct.Struct("2i2q")
_OPENED, _WRITTEN, _CUT, _SYNCED, _GONE = range(1, 6)
_SECTOR_BYTES: Final = 512


def compiled(folder: Path) -> Path:
    """The library, in a folder; skips the test where it can't be made."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = folder / "faulty.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(_SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the library can't be compiled: {done.stderr[-300:]}")
    return library


class Disk:
    """What a process meets that has `environ` in its environment: nothing, until told."""

    def __init__(self, page: Path, environ: Mapping[str, str], log: Path) -> None:
        self.environ = dict(environ)
        self.log = log
        """What was done to its files is recorded here, if it is."""
        with page.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), _PAGE.size)

    @classmethod
    def before(cls, prefix: Path, library: Path, *, recorded: bool = False) -> Self:
        """A disk for the files whose paths start with `prefix`."""
        page, log = (prefix.with_name(f"{prefix.name}.{kind}") for kind in ("page", "log"))
        page.write_bytes(bytes(_PAGE.size))
        environ = {
            "LD_PRELOAD": str(library),
            "FAULTY_PAGE": str(page),
            "FAULTY_PREFIX": str(prefix),
            **({"FAULTY_LOG": str(log)} if recorded else {}),
        }
        return cls(page, environ, log)

    @classmethod
    def of_this_process(cls) -> Self:
        """The one that this process was started with."""
        page = Path(os.environ["FAULTY_PAGE"])
        return cls(page, {}, page)

    def fail(self, every: int, error: int, *, once: bool = False) -> None:
        """Have each so manieth write, sync, truncation and creation fail; or just one."""
        self._set(every, int(once), error, 0, 0, 0, self._values()[6])

    def heal(self) -> None:
        """No failures any more."""
        self.fail(0, 0)

    def skew(self, seconds: float) -> None:
        """Set the wall clock ahead, or back."""
        self._set(*self._values()[:6], int(seconds * 1e9))

    @property
    def failed(self) -> int:
        """How many calls have failed since they were told to."""
        return self._values()[4]

    def _values(self) -> tuple[int, ...]:
        return _PAGE.unpack(self._page)

    def _set(self, *values: int) -> None:
        self._page[:] = _PAGE.pack(*values)


@dataclass(frozen=True)
class Act:
    """Something that was done to a file."""

    kind: int
    name: str
    offset: int
    data: bytes


def recorded(log: Path) -> Iterator[Act]:
    """What was done, in order."""
    content = log.read_bytes()
    at = 0
    while at < len(content):
        kind, name_bytes, offset, size = _RECORD.unpack_from(content, at)
        at += _RECORD.size
        name = content[at : at + name_bytes].decode()
        at += name_bytes
        data = content[at : at + size] if kind == _WRITTEN else b""
        at += len(data)
        yield Act(kind, name, offset, data)


class Platter:
    """The files of a disk as a power cut leaves them: what was synced is there; of what was written
    since, some sectors are, and others are not."""

    def __init__(self) -> None:
        self._durable: dict[str, bytearray] = {}
        self._since: dict[str, list[Act]] = {}

    def do(self, act: Act) -> None:
        if act.kind == _GONE:
            self._durable.pop(act.name, None)
            self._since.pop(act.name, None)
        elif act.kind == _SYNCED:
            content = self._durable.setdefault(act.name, bytearray())
            for each in self._since.pop(act.name, []):
                _write(content, each)
        else:
            self._since.setdefault(act.name, []).append(act)

    def cut(self, kept: Callable[[], bool]) -> dict[str, bytes]:
        """The files after a power cut now."""
        files = {name: bytearray(content) for name, content in self._durable.items()}
        for name, acts in self._since.items():
            content = files.setdefault(name, bytearray())
            for act in acts:
                if act.kind == _CUT:
                    if kept():
                        _write(content, act)
                    continue
                for start in range(0, len(act.data), _SECTOR_BYTES):
                    if kept():
                        sector = act.data[start : start + _SECTOR_BYTES]
                        _write(content, Act(_WRITTEN, name, act.offset + start, sector))
        return {name: bytes(content) for name, content in files.items()}

    def settle(self, files: dict[str, bytes]) -> None:
        """From now on these are what is there, and durable."""
        self._durable = {name: bytearray(content) for name, content in files.items()}
        self._since.clear()


def _write(content: bytearray, act: Act) -> None:
    if act.kind == _CUT:
        del content[act.offset :]
        content.extend(bytes(max(0, act.offset - len(content))))
    elif act.kind == _WRITTEN:
        content.extend(bytes(max(0, act.offset - len(content))))
        content[act.offset : act.offset + len(act.data)] = act.data
