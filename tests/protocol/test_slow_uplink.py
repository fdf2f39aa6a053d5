"""A device whose uplink is as slow as one may be: both halves stay, however large the upload is."""

from collections import deque

import pytest

from electricsql.limits import DEVICE_SILENCE_MS_MAX, LINK_BYTES_PER_S_MIN, STUCK_MS_MAX
from electricsql.protocol import (
    Bye,
    Came,
    Clocked,
    DeviceEffects,
    DeviceEvent,
    DeviceSession,
    HubEvent,
    HubSession,
    Loaded,
    Opened,
    Received,
    Registered,
    Sealed,
    Tick,
    decode_down,
    encode_frame,
)

TICK_MS = 1_000


class SlowUplink:
    """Both halves of a stream. What the device sends waits, for as long as it takes, in buffers
    that never are full; what the service sends is there at once."""

    def __init__(self, data: bytes) -> None:
        self.now_ms = 0
        self.received: bytes | None = None
        self.byes: list[Bye] = []
        self._data = data
        self._device, self._hub = DeviceSession(), HubSession(0)
        self._sent: deque[bytes] = deque()
        self._passed = 0
        self._do(Opened("d" * 32, None, None, 1))
        self._do(Sealed(1))

    def wait(self, bytes_passed: int) -> None:
        """A second goes by, in which so many bytes pass."""
        self.now_ms += TICK_MS
        self._passed += bytes_passed
        while self._sent and self._passed >= len(self._sent[0]):
            self._passed -= len(self._sent[0])
            self._tell(Received(self._sent.popleft()))
        self._tell(Tick())
        self._do(Clocked())

    def _do(self, event: DeviceEvent) -> None:
        effects = self._device.step(event, self.now_ms)
        self._sent.extend(map(encode_frame, effects.send))
        self._load(effects)
        if effects.close is not None:
            self.byes.append(effects.close)

    def _load(self, effects: DeviceEffects) -> None:
        if effects.load is not None:
            self._do(Loaded(effects.load, self._data))

    def _tell(self, event: HubEvent) -> None:
        effects = self._hub.step(event, self.now_ms)
        for frame in effects.send:
            self._do(Came(decode_down(encode_frame(frame))))
        if effects.register is not None:
            self._tell(Registered(1, "epoch", 0))
        if effects.submit is not None:
            self.received = effects.submit.data


@pytest.mark.parametrize("minutes", [0, 1, 5])
def test_a_large_upload_gets_through(minutes: int) -> None:
    data = b"x" * (LINK_BYTES_PER_S_MIN * (60 * minutes + 7))
    stream = SlowUplink(data)
    while stream.received is None and not stream.byes:
        stream.wait(LINK_BYTES_PER_S_MIN)
    assert stream.byes == []
    assert stream.received == data
    assert stream.now_ms > STUCK_MS_MAX * minutes


def test_bytes_that_never_become_a_frame_are_not_waited_for() -> None:
    stream = SlowUplink(b"x" * (1 << 20))
    for _ in range(10):
        stream.wait(LINK_BYTES_PER_S_MIN)
    lost_ms = stream.now_ms
    while not stream.byes:
        stream.wait(0)
    assert stream.byes[0].code == "silent"
    assert stream.now_ms - lost_ms <= DEVICE_SILENCE_MS_MAX + TICK_MS
