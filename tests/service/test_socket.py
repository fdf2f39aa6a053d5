"""Frames on their way to a device: when there is no room, and when there is again."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from electricsql.limits import UNSENT_BYTES_MAX, UNSENT_FRAMES_MAX
from electricsql.service import memory
from electricsql.service.memory import DownloadMemory
from electricsql.service.socket import Outbox, Socket

pytestmark = pytest.mark.anyio


class Peer:
    """Takes frames when it may."""

    def __init__(self, memory: DownloadMemory | None = None) -> None:
        self.memory = memory or DownloadMemory()
        self.given_up = False
        self.taking = asyncio.Event()
        self.frames: list[bytes] = []
        self.drained = 0
        socket = Socket(self._receive, self._send)
        self.outbox = Outbox(
            socket,
            self.memory,
            drained=self._count,
            gone=lambda: None,
            given_up=lambda: setattr(self, "given_up", True),
        )

    async def _receive(self) -> MutableMapping[str, Any]:
        return {"type": "websocket.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        await self.taking.wait()
        self.frames.append(message["bytes"])

    def _count(self) -> None:
        self.drained += 1

    async def takes(self, count: int) -> None:
        self.taking.set()
        while len(self.frames) < count:
            await asyncio.sleep(0)
        await self.outbox.closed()


async def test_what_leaves_at_once_makes_no_room_that_was_not_there() -> None:
    peer = Peer()
    peer.outbox.put([b"one", b"two"])
    assert peer.outbox.has_room
    await peer.takes(2)
    assert (peer.frames, peer.drained) == ([b"one", b"two"], 0)


async def test_who_was_full_says_once_that_there_is_room_again() -> None:
    peer = Peer()
    for _ in range(2):
        peer.outbox.put([b"frame"] * UNSENT_FRAMES_MAX)
        assert not peer.outbox.has_room
    await peer.takes(2 * UNSENT_FRAMES_MAX)
    assert peer.outbox.has_room
    assert peer.drained == 1
    peer.outbox.put([b"more"])
    await peer.takes(2 * UNSENT_FRAMES_MAX + 1)
    assert peer.drained == 1


async def test_a_large_frame_fills_the_outbox_too() -> None:
    peer = Peer()
    peer.outbox.put([bytes(UNSENT_BYTES_MAX)])
    assert not peer.outbox.has_room
    await peer.takes(1)
    assert peer.drained == 1


async def test_who_was_full_has_no_room_before_all_has_left() -> None:
    peer = Peer()
    peer.outbox.put([b"frame"] * UNSENT_FRAMES_MAX)
    send = peer.outbox._socket.send
    peer.taking.set()
    await send(b"frame")
    assert not peer.outbox.has_room


async def test_what_waits_for_many_is_held_once() -> None:
    memory = DownloadMemory()
    peers = [Peer(memory) for _ in range(3)]
    shared = bytes(1_000)
    for peer in peers:
        peer.outbox.put([shared, bytes(10)])
    assert memory.held == 1_030
    await peers[0].takes(2)
    peers[1].outbox.drop()
    assert memory.held == 1_010
    await peers[2].takes(2)
    assert memory.held == 0


async def test_who_has_stood_still_for_longest_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "DOWNLOADS_BYTES_MAX", 2_500)
    all_of_them = DownloadMemory()
    first, second, third = (Peer(all_of_them) for _ in range(3))
    for peer in (first, second):
        peer.outbox.put([bytes(1_000), bytes(10)])
    first.taking.set()
    while not first.frames:
        await asyncio.sleep(0)
    first.outbox.put([bytes(990)])
    third.outbox.put([bytes(900)])
    assert (first.given_up, second.given_up, third.given_up) == (False, True, False)
    assert all_of_them.held <= 2_500
