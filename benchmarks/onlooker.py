"""Processes at the other end of a latency: device B, and a bare WebSocket.

Each says on its standard output where it is when it is ready, and then the time of each thing that
it sees, in ns of the monotonic clock, which all processes of a machine share. They end when their
input does.
"""

import asyncio
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from benchmarks import notes
from electricsql import electrify

_LOOK_S = 0.000_2
"""How often B looks: often enough for a tenth of a millisecond, seldom enough to leave the CPU to
the others."""


def main() -> None:
    """`onlooker.py device <file> <stream url> <token>`, or `onlooker.py socket`."""
    if sys.argv[1] == "device":
        watch_device(Path(sys.argv[2]), *sys.argv[3:5])
    else:
        uvloop.run(watch_socket())


def watch_device(path: Path, stream_url: str, token: str) -> None:
    """Be device B: sync, and say when the rows appear, which come in the order of their keys."""
    input = threading.Thread(target=sys.stdin.read, daemon=True)
    input.start()
    with electrify(path, notes.bundle(), stream_url, token) as db:
        db.sync()
        say(path)
        number = 0
        while input.is_alive():
            if db.execute("SELECT 1 FROM notes WHERE id = ?", (notes.key(number),)).fetchone():
                say(time.monotonic_ns())
                number += 1
            time.sleep(_LOOK_S)


async def watch_socket() -> None:
    """Say when messages come."""

    async def receive(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            async for _ in connection:
                say(time.monotonic_ns())

    async with serve(receive, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        say(f"ws://127.0.0.1:{port}")
        await asyncio.to_thread(sys.stdin.read)


def say(what: object) -> None:
    """One line, at once."""
    print(what, flush=True)


if __name__ == "__main__":
    main()
