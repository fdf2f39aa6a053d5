"""A simulated world: devices, a hub, its service, the connections between them, and time.

Whatever may happen is one method that takes a number, which says to whom and how. So a schedule is
a list of names and numbers; leaving some out leaves a schedule.
"""

from collections.abc import Callable, Iterator
from typing import Final

from electricsql.limits import SERVICE_SILENCE_MS_MAX
from electricsql.testing.device import Crash, Device, Mistake
from electricsql.testing.dict_device import DictDevice
from electricsql.testing.dict_hub import DictHub
from electricsql.testing.example import has_last_pair, statements, toggled
from electricsql.testing.judge import HUB, Judge, Seen
from electricsql.testing.network import Wire
from electricsql.testing.service import RESET, Service
from electricsql.testing.stores import DeviceStore

START_MS: Final = 1_700_000_000_000
CLIENTS: Final = 2
TICK_MS: Final = 1_000
SETTLE_MS_MAX: Final = SERVICE_SILENCE_MS_MAX + 2 * TICK_MS
"""How long after the last fault all must be well again: a half-open connection has to be noticed,
and the clock ticks once a second."""
_ROUNDS_MAX: Final = 60
_TOGETHER_MAX: Final = 10
_EXCHANGES_MAX: Final = 10
_SKEWS_MS: Final = (0, 5_000, -5_000, 7_200_000, -7_200_000, 50_000, -300)

MakeStore = Callable[[Iterator[str]], DeviceStore]


class World:
    """Everything, and what may happen to it."""

    def __init__(self, devices: int, make: MakeStore = DictDevice) -> None:
        self._now_ms = START_MS
        self._serial = self._epochs = 0
        self.hub = DictHub()
        self.judge = Judge(self.hub)
        self._service = Service(self.hub, self.now_ms)
        names = (f"device-{number:09}" for number in range(1 << 30))
        self.devices: list[Device] = []
        for place in range(devices):
            self.devices.append(Device("abcdef"[place], make(names), self.now_ms))
            device = self.devices[-1]
            device.sealed, device.started_over = self._note_seal, self._note_start_over
            device.skew_ms = place
        self._wires: list[Wire] = []
        self._backups: dict[str, tuple[DeviceStore, Seen]] = {}
        self._open: dict[int, list[int]] = {}

    def now_ms(self) -> int:
        return self._now_ms

    def happen(self, name: str, number: int) -> None:
        """One event, and what must be true after it."""
        self._now_ms += 10 + number % 7
        device = self.devices[number % len(self.devices)]
        try:
            getattr(self, name)(device, number // len(self.devices))
        except Crash:
            device.crash()
        self.judge.look_at(device)

    # The app, and programs at the hub.

    def write(self, device: Device, number: int) -> None:
        """The app commits a transaction. Now and then it is sealed at once."""
        number, later = divmod(number, 3)
        serial = self._next()
        shown = device.store.shown()
        made = statements(serial, number, shown, device.store.version)
        if device.store.write(made):
            seen = self.judge.seen[device.name]
            self.judge.writes(device.name, serial, made, shown)
            self.judge.commits(serial)
            self.judge.is_based_on(serial, device.store.opened().cursor)
            seen.unsealed = (*seen.unsealed, serial)
        if not later:
            self.seal(device, 0)

    def seal(self, device: Device, _: int) -> None:
        device.seal()

    def ask(self, device: Device, _: int) -> None:
        device.ask(self.judge.seen[HUB].transactions)

    def direct(self, _: Device, number: int) -> None:
        """A client writes in its transaction, or ends it."""
        number, client = divmod(number, CLIENTS)
        number, choice = divmod(number, 8)
        if client in self._open and choice < 4:
            self._end(client, roll_back=choice == 0)
            return
        serial = self._next()
        shown = self.hub.visible_to(client)
        made = statements(serial, number, shown, self.hub.version)
        if self.hub.write(client, made):
            self.judge.writes(HUB, serial, made, shown)
            self._open.setdefault(client, []).append(serial)
            if choice > 5:
                self._end(client, roll_back=False)

    def toggle(self, _: Device, __: int) -> None:
        """A client gives the last pair another life, or ends it."""
        shown, serial = self.hub.shown(), self._next()
        made = toggled(serial, shown)
        if self.hub.write(CLIENTS, made):
            self.judge.writes(HUB, serial, made, shown)
            self._open[CLIENTS] = [serial]
            self._end(CLIENTS, roll_back=False)

    def migrate(self, _: Device, __: int) -> None:
        self.hub.migrate()

    # The hub's operator.

    def forbid(self, _: Device, number: int) -> None:
        """A rule of the app forbids something to devices from now on, or nothing any more."""
        self.hub.forbid((None, "parents", "children", "lefts")[number % 4])

    def retry(self, _: Device, number: int) -> None:
        """A refused transaction is tried again."""
        waiting = self.hub.waiting()
        if waiting:
            self.hub.retry(waiting[number % len(waiting)], self._now_ms)
            self.judge.look_at_hub()

    def discard(self, _: Device, number: int) -> None:
        """A refused transaction is given up."""
        waiting = self.hub.waiting()
        if waiting:
            self.hub.discard(waiting[number % len(waiting)])
            self.judge.look_at_hub()

    def clean(self, _: Device, __: int) -> None:
        """The hub forgets what all live devices have passed."""
        self.judge.forgets()
        self.hub.clean(self._service.connected)

    def be_away(self, device: Device, number: int) -> None:
        """The device is away for longer than the hub waits for it, while others go on. It may have
        had the last pair when it left, and may write meanwhile."""
        number, had_it = divmod(number, 2)
        if had_it and not has_last_pair(self.hub.shown()):
            self.toggle(device, 0)
        self.exchange(device, 2)
        self._leave(device)
        self.toggle(device, 0)
        others = [each for each in self.devices if each is not device]
        for each in others:
            self.connect(each, 0)
        for _ in range(3):
            self._carry_all(*others)
        self.hub.expire(device.store.opened().device)
        self.clean(device, 0)
        number, writes = divmod(number, 2)
        if writes:
            self.write(device, number)

    def _leave(self, device: Device) -> None:
        """The device's connection ends; what it has sent arrives."""
        wire = device.wire
        device.lose()
        while wire is not None and self._carry_up(wire):
            pass

    def reset(self, _: Device, number: int) -> None:
        """The environment is emptied. The devices may be told."""
        for client in list(self._open):
            self._end(client, roll_back=True)
        self._epochs += 1
        self.hub = DictHub(f"epoch{self._epochs}")
        self.judge.resets(self.hub)
        if number % 2:
            self._service.stop(RESET)
        self.restart_service(self.devices[0], number // 2)
        for device in self.devices:
            device.asked = dict.fromkeys(device.asked, 0)

    def _end(self, client: int, *, roll_back: bool) -> None:
        serials = self._open.pop(client)
        if roll_back:
            self.hub.roll_back(client)
            self.judge.aborts(*serials)
        else:
            self.hub.commit(client, self._now_ms)
            self.judge.commits(*serials)
            self.judge.look_at_hub()

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    # Connections.

    def connect(self, device: Device, _: int) -> None:
        """The device connects, if it has no connection that it believes in."""
        if device.wire is None:
            wire = device.connect()
            self._wires.append(wire)
            self._service.accept(wire)

    def up(self, device: Device, number: int) -> None:
        """Some frames arrive at the service: the device's, or of a connection that is gone."""
        number, late = divmod(number, 4)
        wires = [each for each in self._wires if not each.device_open]
        wire = wires[number % len(wires)] if wires and not late else device.wire
        if wire is not None:
            for _ in range(1 + number % 3):
                self._carry_up(wire)

    def down(self, device: Device, number: int) -> None:
        """Some frames arrive at the device."""
        for _ in range(1 + number % 3):
            self._carry_down(device)

    def merge(self, _: Device, number: int) -> None:
        """Uploads are merged, several in one batch."""
        self._service.merge(1 + number % 4, self._now_ms)
        self.judge.look_at_hub()

    def look(self, _: Device, __: int) -> None:
        """The service reads what is new, and sends it."""
        self._service.look()

    def exchange(self, device: Device, number: int) -> None:
        """All goes well for a while."""
        self.connect(device, 0)
        for _ in range(1 + number % 3):
            if not self._carry_all(device):
                return

    def drop(self, device: Device, number: int) -> None:
        """The device's end of its connection is gone. What is under way may still arrive, all of it
        or some; the service may never be told."""
        if device.wire is not None:
            wire = device.wire
            device.lose()
            if number % 3:
                wire.up_ended = False
                wire.leave_device(number % len(wire.up) if wire.up else 0)

    def vanish(self, device: Device, number: int) -> None:
        """The service's end of the connection is gone. The device may be told."""
        if device.wire is not None:
            wire = device.wire
            self._service.lose(wire)
            if number % 3:
                wire.down_ended = False
                wire.down.clear()

    def stall(self, device: Device, number: int) -> None:
        """Nothing gets through any more, in one direction or both; or all does again."""
        if device.wire is not None:
            device.wire.up_stalled, device.wire.down_stalled = bool(number & 1), bool(number & 2)

    # Processes, files, time.

    def crash(self, device: Device, number: int) -> None:
        """The device's process ends: at once, or after some more steps."""
        if number % 3 == 0:
            device.crash()
        else:
            device.crash_in = number % 5

    def restart_service(self, _: Device, number: int) -> None:
        """The service's process ends, and another one begins. The devices may be told."""
        self._service = Service(self.hub, self.now_ms)
        for wire in self._wires:
            wire.leave_hub()
            wire.down_ended = bool(number % 2)

    def skew(self, device: Device, number: int) -> None:
        """The device's clock is set to another time."""
        place = self.devices.index(device)
        device.skew_ms = place + _SKEWS_MS[number % len(_SKEWS_MS)]

    def tick(self, _: Device, number: int) -> None:
        """Some seconds go by."""
        for __ in range(1 + number % 4):
            self._pass_second()

    def back_up(self, device: Device, _: int) -> None:
        """The device's file is copied."""
        device.seal()
        seen = Seen(self.judge.seen[device.name].transactions)
        self._backups[device.name] = device.store.copy(), seen

    def restore(self, device: Device, _: int) -> None:
        """The device's file is again what it was at its last backup."""
        if device.name in self._backups:
            self._put(device, *self._backups[device.name])

    def copy(self, device: Device, number: int) -> None:
        """The device's file is replaced by a copy of another one's."""
        other = self.devices[number % len(self.devices)]
        if other is not device:
            self.back_up(other, 0)
            self._put(device, *self._backups[other.name])

    def _put(self, device: Device, store: DeviceStore, seen: Seen) -> None:
        device.crash()
        device.store = store.copy()
        self.judge.restores(device.name, seen)

    def _note_seal(self, device: Device) -> None:
        seen = self.judge.seen[device.name]
        if seen.unsealed and not device.store.has_unsealed:
            self.judge.seals(device.name, device.store)

    def _note_start_over(self, device: Device) -> None:
        self.judge.starts_over(device.name)

    def _pass_second(self) -> None:
        self._now_ms += TICK_MS
        for device in self.devices:
            device.tick()
        self._service.tick()

    def _carry_up(self, wire: Wire) -> bool:
        data = wire.next_up()
        if data is not None:
            self._service.receive(wire, data)
        elif wire.has_up_ended:
            wire.up_ended = False
            self._service.lose(wire)
        else:
            return False
        return True

    def _carry_down(self, device: Device) -> bool:
        wire = device.wire
        if wire is None:
            return False
        data = wire.next_down()
        if data is not None:
            device.hear(data)
        elif wire.has_down_ended:
            device.lose()
        else:
            return False
        return True

    def _carry_all(self, *devices: Device) -> bool:
        """Whatever is under way arrives, and what follows from it."""
        moved = False
        for device in devices:
            while device.wire is not None and self._carry_up(device.wire):
                moved = True
        if not self._service.is_idle:
            self._service.merge(100, self._now_ms)
            self.judge.look_at_hub()
        self._service.look()
        for device in devices:
            while self._carry_down(device):
                moved = True
        return moved

    # The end.

    def settle(self) -> None:
        """No more faults: everything has to come to rest, soon."""
        self._heal()
        deadline_ms, rounds = self._now_ms + SETTLE_MS_MAX, 0
        while True:
            rounds += 1
            if self._play_round(rounds):
                if rounds > _ROUNDS_MAX:
                    raise Mistake("restless", "it does not come to rest")
                continue
            problem = self.judge.look_at_the_end(self.devices)
            if problem is None:
                return
            if self._now_ms >= deadline_ms:
                raise Mistake("stuck", problem)
            self._pass_second()

    def _heal(self) -> None:
        for client in list(self._open):
            self._end(client, roll_back=False)
        for wire in self._wires:
            wire.up_stalled = wire.down_stalled = False
        for device in self.devices:
            device.crash_in = None

    def _play_round(self, number: int) -> bool:
        """Whatever can move does. Pauses are jittered, so of those that fight one gets on alone."""
        moved = False
        for wire in [each for each in self._wires if not each.device_open]:
            while self._carry_up(wire):
                moved = True
        together = number <= _TOGETHER_MAX
        for group in [self.devices] if together else [[each] for each in self.devices]:
            for device in group:
                if device.wire is None:
                    self.connect(device, 0)
                    moved = True
                if device.store.has_unsealed:
                    device.seal()
            for _ in range(1 if together else _EXCHANGES_MAX):
                if not self._carry_all(*group):
                    break
                moved = True
            for device in group:
                while device.wire is not None and self._carry_up(device.wire):
                    pass
                self.judge.look_at(device)
        return moved or not self._service.is_idle
