"""Frames on their way to a device: when there is no room, and when there is again."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from electricsql.limits import LIVE_DELTA_BYTES_MAX, UNSENT_FRAMES_MAX
from electricsql.service.socket import Outbox, Socket

pytestmark = pytest.mark.anyio


class Peer:
    """Takes frames when it may."""

    def __init__(self) -> None:
        self.taking = asyncio.Event()
        self.frames: list[bytes] = []
        self.drained = 0
        socket = Socket(self._receive, self._send)
        self.outbox = Outbox(socket, drained=self._count, gone=lambda: None)

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
    peer.outbox.put([bytes(LIVE_DELTA_BYTES_MAX)])
    assert not peer.outbox.has_room
    await peer.takes(1)
    assert peer.drained == 1
