"""Large messages, on their way to a device in pieces."""

import asyncio
from unittest.mock import Mock

import pytest
from uvicorn.protocols.utils import ClientDisconnected
from websockets.protocol import State
from websockets.server import ServerProtocol

from electricsql.limits import FRAME_BYTES_MAX, UNSENT_PIECES_BYTES
from electricsql.service.transport import WebSocketConnection

pytestmark = pytest.mark.anyio


class Opened(WebSocketConnection):
    """A connection whose handshake is done, to a peer that closes after the first piece."""

    def __init__(self) -> None:
        self.conn = ServerProtocol()
        self.conn.state = State.OPEN
        self.writable = asyncio.Event()
        self.writable.set()
        self.disconnected = self.close_sent = False
        self.transport = Mock()
        self.transport.write.side_effect = self._written
        self.pieces = 0

    def _written(self, _: bytes) -> None:
        self.pieces += 1
        self.conn.state = State.CLOSING


async def test_a_close_in_the_middle_of_a_message_is_a_disconnection() -> None:
    connection = Opened()
    with pytest.raises(ClientDisconnected):
        await connection.send({"type": "websocket.send", "bytes": bytes(3 * UNSENT_PIECES_BYTES)})
    assert connection.pieces == 1


@pytest.mark.parametrize("size", [UNSENT_PIECES_BYTES + 1, 20 << 20, FRAME_BYTES_MAX])
async def test_a_large_message_has_no_more_pieces_than_a_device_takes(size: int) -> None:
    connection = Opened()
    connection.conn, connection.transport = Mock(), Mock()
    connection.conn.data_to_send.return_value = []
    await connection.send({"type": "websocket.send", "bytes": bytes(size)})
    pieces = [call.args for call in connection.conn.send_binary.call_args_list]
    pieces += [call.args for call in connection.conn.send_continuation.call_args_list]
    assert sum(len(piece) for piece, _ in pieces) == size
    assert [fin for _, fin in pieces] == [False] * (len(pieces) - 1) + [True]
    assert len(pieces) <= 3_000, "websockets gives up at 4,096"
