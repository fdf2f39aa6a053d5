"""What cheats play on: a service process with a real Postgres, an honest pair beside the cheat."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from websockets.exceptions import ConnectionClosed

from electricsql.limits import HEARTBEAT_MS
from electricsql.protocol import Bye, Ping, Upload
from electricsql.replication import hlc_at
from electricsql.schema import Scratch, Table
from tests.integration.service.conftest import FIRST, migration
from tests.integration.service.strangers import Caller, device
from tests.integration.whole.processes import Service
from tests.service.player import Player

APP = "notes"
SCHEMA = """
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- @allow device-local-key reason="the tests give them"
CREATE TABLE numbers (id INTEGER PRIMARY KEY NOT NULL, amount REAL NOT NULL DEFAULT 0, note TEXT);
"""


def _tables() -> dict[str, Table]:
    scratch = Scratch()
    for statement in SCHEMA.split(";"):
        scratch.run(statement)
    return dict(scratch.schema(FIRST).tables)


TABLES = _tables()
SYNC_S_MAX = 10.0
"""What an honest device may be made to wait. No test depends on less."""
_names = itertools.count(1)


@dataclass
class Target:
    """An environment of a service process, as an attacker with a good device token sees it."""

    service: Service
    admin: Caller
    env: str
    database_url: str = ""
    _log_at: int = field(default=0, repr=False)

    @property
    def path(self) -> str:
        return f"{APP}/{self.env}"

    @property
    def api(self) -> str:
        return f"/api/v1/environments/{APP}/{self.env}"

    @classmethod
    async def make(cls, service: Service, env: str) -> "Target":
        """A fresh environment with the schema."""
        key = (service.folder / "DATA" / "electric" / "admin.key").read_text().strip()
        target = cls(service, Caller(service.url, key), env)
        await target.admin.post("/api/v1/environments", {"app": APP, "env": env})
        body = {"migrations": [migration(FIRST, SCHEMA)]}
        await target.admin.post(f"{target.api}/migrations", body)
        answer = await target.admin.get(f"{target.api}/database-url")
        target.database_url = answer["url"]
        return target

    async def token(self, **more: object) -> str:
        body = {"sub": "ann", "app": APP, "env": self.env, **more}
        return str((await self.admin.post("/api/v1/tokens", body))["token"])

    async def query(self, sql: str, *arguments: object) -> Any:  # noqa: ANN401
        """One value from the hub's tables."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return await connection.fetchval(sql, *arguments)
        finally:
            await connection.close()

    @property
    def log(self) -> Path:
        return self.service.folder / "service.log"

    def new_log(self) -> str:
        """What the service has logged since the last call."""
        with self.log.open() as log:
            log.seek(self._log_at)
            text = log.read()
            self._log_at = log.tell()
        return text

    def resident_bytes(self) -> int:
        """The memory of the service process."""
        return _status(self.service, "VmRSS")

    def peak_bytes(self) -> int:
        """The most memory it has ever had."""
        return _status(self.service, "VmHWM")

    @asynccontextmanager
    async def cheat(self, name: str = "", token: str | None = None) -> AsyncIterator[Player]:
        """A device that is connected, before its hello; it knows the protocol."""
        secret = token or await self.token()
        async with device(
            self.service.url, self.path, token=secret, name=name or f"cheat{next(_names)}"
        ) as player:
            player.schema_version, player.tables = FIRST, TABLES
            yield player

    @asynccontextmanager
    async def streaming(self, name: str = "") -> AsyncIterator[Player]:
        """The same, in the middle of its stream."""
        async with self.cheat(name) as player:
            await player.hello()
            await player.hear_delta()
            yield player

    @asynccontextmanager
    async def undisturbed(self) -> AsyncIterator[None]:
        """Two honest devices are there all along, and see each other's writes, before and after."""
        async with self.streaming() as one, self.streaming() as two, heartbeats(one, two):
            await _agree(one, two)
            yield
            await _agree(one, two)
            await _agree(two, one)


@asynccontextmanager
async def heartbeats(*players: Player) -> AsyncIterator[None]:
    """They are heard, as real devices are that have nothing to say."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_MS / 1000)
            for player in players:
                with suppress(ConnectionClosed):
                    await player.say(Ping(0))

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


async def _agree(writer: Player, reader: Player) -> None:
    key = f"honest{next(_names)}"
    async with asyncio.timeout(SYNC_S_MAX):
        await writer.write(1, **{key: "mine"})
        await asyncio.gather(writer.hear_acknowledgement(), _appears(reader, key))


async def _appears(reader: Player, key: str) -> None:
    while key not in reader.bodies():
        await reader.hear_delta()


def _status(service: Service, field: str) -> int:
    assert service.process is not None
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    line = next(line for line in lines if line.startswith(f"{field}:"))
    return int(line.split()[1]) << 10


def transaction(
    *,
    number: object = 1,
    hlc: object = None,
    cursor: object = None,
    version: object = FIRST,
    groups: Sequence[object] = (),
) -> bytes:
    """A transaction by hand: whatever can be written in MessagePack."""
    clock = hlc_at(time.time_ns() // 1_000_000) if hlc is None else hlc
    return b"\x00" + msgspec.msgpack.encode([number, clock, cursor, version, groups])


async def upload(player: Player, data: bytes, number: int = 1) -> None:
    await player.say(Upload(number, 0, True, data))


async def bye_of(player: Player) -> Bye:
    async with asyncio.timeout(SYNC_S_MAX):
        return await player.hear_bye()


def events(log: str) -> list[dict[str, Any]]:
    """The service's log lines."""
    return [json.loads(line) for line in log.splitlines()]


async def outcome(player: Player) -> str:
    """What becomes of the only transaction that a cheat has uploaded: taken, refused, or the code
    with which its stream ended."""
    async with asyncio.timeout(SYNC_S_MAX):
        while player.acknowledged < 1 and player.bye is None:
            if await player.hear() is None:
                break
    if player.bye is not None:
        return player.bye.code
    return "refused" if player.refused else "taken"
