"""Connections that lose, delay and cut off: what lies between simulated devices and their service.

A wire carries frames in their order when it is told to, like TCP. It may be cut at one end without
the other's knowing; what is under way then may arrive later, in part, or never. A direction that is
stalled carries nothing.
"""

from collections import deque


class Wire:
    """One connection. An end that is open believes that the other one is there."""

    __slots__ = (
        *("device_open", "down", "down_ended", "down_stalled"),
        *("hub_open", "up", "up_ended", "up_stalled"),
    )

    def __init__(self) -> None:
        self.up: deque[bytes] = deque()
        self.down: deque[bytes] = deque()
        self.device_open = self.hub_open = True
        self.up_stalled = self.down_stalled = False
        self.up_ended = self.down_ended = False
        """The end of the stream is under way, behind the frames."""

    def next_up(self) -> bytes | None:
        """The next frame for the service, if one arrives."""
        if self.up_stalled or not self.up:
            return None
        return self.up.popleft()

    def next_down(self) -> bytes | None:
        """The next frame for the device, if one arrives."""
        if self.down_stalled or not self.device_open or not self.down:
            return None
        return self.down.popleft()

    @property
    def has_up_ended(self) -> bool:
        """Whether the service learns now that the device is gone."""
        return self.up_ended and not self.up_stalled

    @property
    def has_down_ended(self) -> bool:
        """Whether the device learns now that the service is gone."""
        return self.down_ended and not self.down_stalled

    def leave_device(self, arriving: int | None) -> None:
        """The device's end is gone. Of the frames under way so many will arrive, and nobody tells
        the service; None: all of them, and the end."""
        self.device_open = False
        self.down.clear()
        if arriving is None:
            self.up_ended = True
        else:
            while len(self.up) > arriving:
                self.up.pop()

    def leave_hub(self) -> None:
        """The service's end is gone, and what is under way to it. What it has said arrives."""
        self.hub_open = False
        self.down_ended = True
        self.up.clear()
