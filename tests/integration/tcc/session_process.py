"""A session: a program that transacts on a device's file, or on Postgres, until told otherwise.

    python -m tests.integration.tcc.session_process CONFIG.json

What it does is written to its history before the commit, and how that went after it: so whoever
kills it knows what may be committed. It takes commands, a line each, and says when they are done:

    run            transact, from now on
    pause ROUND    stop it; leave a mark, which is committed when `paused` is said
    sync SECONDS   have all exchanged
    final          read all that there is, as the history's last word
    end            close the file
"""

import json
import queue
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.integration.tcc.deeds import Deed, Execute, look, work
from tests.integration.tcc.stores import (
    Aborted,
    DeviceStore,
    PostgresStore,
    Store,
    Uncertain,
)

RETRY_S: Final = 0.05


@dataclass(frozen=True)
class Config:
    """What a session is told."""

    session: str
    history: str
    pause_s: float
    """Between two transactions."""
    database: str
    """A device's file, or the URL of Postgres."""
    bundle: str = ""
    """Of a device, as is what follows."""
    url: str = ""
    token: str = ""

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> "Config":
        return cls(**json.loads(path.read_text()))

    def open(self) -> Store:
        if self.bundle:
            return DeviceStore(self.database, self.bundle, self.url, self.token)
        return PostgresStore(self.database)


class History:
    """A session's history in a file: for each transaction a line before its commit, with what it
    did, and one after, with the outcome. It goes on where an earlier process ended."""

    def __init__(self, path: str) -> None:
        file = Path(path)
        lines = file.read_text().splitlines() if file.exists() else []
        whole = [line for line in lines if line.endswith("}")]
        self.index: int = json.loads(whole[-1])["index"] if whole else 0
        self._file = file.open("a")
        if len(whole) < len(lines):
            self._file.write("\n")

    def write(self, **line: object) -> None:
        self._file.write(json.dumps({"index": self.index, **line}) + "\n")
        self._file.flush()


class Session:
    """One session's work."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.history = History(config.history)
        self.random = Random(f"{config.session}:{self.history.index}")
        self.store = config.open()

    def work(self) -> None:
        """One transaction, whatever becomes of it."""
        self._transact(lambda deed: work(deed, self.store.schema_sql, self.history.index))

    def pause(self, round: int) -> None:
        self._insist(lambda deed: deed.mark(round))

    def final(self) -> None:
        self._insist(lambda deed: look(deed, self.store.schema_sql), final=True)

    def _insist(self, act: Callable[[Deed], None], *, final: bool = False) -> None:
        while not self._transact(act, final=final):
            time.sleep(RETRY_S)

    def _transact(self, act: Callable[[Deed], None], *, final: bool = False) -> bool:
        """One attempt at a transaction: whether it is committed."""
        self.history.index += 1
        value = f"{self.config.session}:{self.history.index}"

        def body(execute: Execute) -> None:
            deed = Deed(value, execute, self.random)
            act(deed)
            mark = {"final": True} if final else {}
            self.history.write(type="invoke", ops=deed.ops, **mark)

        try:
            self.store.transact(body)
        except Aborted as error:
            self.history.write(type="fail", error=str(error))
            return False
        except Uncertain as error:
            self.history.write(type="info", error=str(error))
            return False
        self.history.write(type="ok")
        return True


def serve(session: Session, commands: "queue.Queue[str]") -> None:
    """Do what the commands say until there are no more."""
    running = False
    while True:
        try:
            word, _, rest = commands.get(block=not running).strip().partition(" ")
        except queue.Empty:
            session.work()
            time.sleep(session.config.pause_s)
            continue
        match word:
            case "run":
                running = True
            case "pause":
                running = False
                session.pause(int(rest))
                say(f"paused {rest}")
            case "sync":
                session.store.sync(float(rest))
                say("synced")
            case "final":
                session.final()
                say("final")
            case _:
                session.store.close()
                return


def say(line: str) -> None:
    print(line, flush=True)


def listen() -> "queue.Queue[str]":
    """The commands as they come; `end` when whoever gave them is gone."""
    commands: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            commands.put(line)
        commands.put("end")

    threading.Thread(target=read, daemon=True).start()
    return commands


def main(config: str) -> None:
    session = Session(Config.read(Path(config)))
    say("ready")
    serve(session, listen())


if __name__ == "__main__":
    main(*sys.argv[1:])
