"""What the demo shows, step by step."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg
import click

from electricsql.cli.demo.stage import DeviceProcess, Stage
from electricsql.cli.output import show_table

_FIRST: Final = """\
CREATE TABLE notes (
    id TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    body TEXT
);
"""
_SECOND: Final = "ALTER TABLE notes ADD COLUMN stars INTEGER NOT NULL DEFAULT 0;\n"
_ADD: Final = "INSERT INTO notes (id, title, body) VALUES (?, ?, ?)"
_ALL: Final = "SELECT id, title, body, stars FROM notes ORDER BY id"
_HEADINGS: Final = ("ID", "TITLE", "BODY", "STARS")

Rows = Sequence[tuple[object, ...]]


def tell(folder: Path) -> bool:
    """Run the demo in a folder; whether Postgres and both devices agree at the end."""
    with Stage(folder) as stage:
        _say("A service starts, with a Postgres of its own")
        url = stage.start_service()
        _note(f"it answers at {url}")
        _make_app(stage, url)
        token = stage.electric("token", "new", "--sub", "demo")
        phone, laptop = (stage.start_device(name, token) for name in ("phone.db", "laptop.db"))
        _write_offline(phone, laptop)
        _write_in_postgres(stage, phone, laptop)
        _migrate(stage, phone, laptop)
        _edit_the_same_row(phone, laptop)
        return _compare(stage, phone, laptop)


def _make_app(stage: Stage, url: str) -> None:
    _say("An app is made, with a migration")
    stage.electric("init", "notes", "--service", url)
    _add_migration(stage, "notes", _FIRST)


def _add_migration(stage: Stage, title: str, sql: str) -> None:
    path = stage.folder / stage.electric("migrations", "new", title)
    path.write_text(sql)
    for line in sql.splitlines():
        _note(line)
    stage.electric("build")
    _note(f"electric build; electric sync: {stage.electric('sync').splitlines()[0]}")


def _write_offline(phone: DeviceProcess, laptop: DeviceProcess) -> None:
    _say("Two devices, each a process with its own SQLite file, write while they are offline")
    phone.write(_ADD, "1", "Groceries", "milk, bread")
    phone.write(_ADD, "2", "Ideas", "a local-first database")
    laptop.write(_ADD, "3", "Trip", "pack the tent")
    _count("offline", phone, laptop)
    _say("They come online, and converge")
    phone.do("go_online")
    laptop.do("go_online")
    phone.do("sync")
    _count("online", phone, laptop)


def _write_in_postgres(stage: Stage, phone: DeviceProcess, laptop: DeviceProcess) -> None:
    _say("Somebody writes a row with plain SQL in Postgres")
    sql = "INSERT INTO notes VALUES ('4', 'From Postgres', 'written with plain SQL')"
    _note(sql)
    asyncio.run(_in_postgres(stage, sql))
    for name, device in (("phone", phone), ("laptop", laptop)):
        device.do("sync")
        (title,) = device.rows("SELECT title FROM notes WHERE id = '4'")[0]
        _note(f"the {name} has it: {title}")


def _migrate(stage: Stage, phone: DeviceProcess, laptop: DeviceProcess) -> None:
    _say("The laptop goes offline, and writes; meanwhile a second migration is synced")
    laptop.do("go_offline")
    laptop.write(_ADD, "5", "Written offline", "in the old schema")
    laptop.write("UPDATE notes SET body = 'pack the tent and the stove' WHERE id = '3'")
    _add_migration(stage, "stars", _SECOND)
    phone.do("sync")
    phone.write("UPDATE notes SET stars = 5 WHERE id = '3'")
    phone.do("sync")
    _note(f"the laptop has {laptop.do('pending')} unsent transactions, and the old schema")
    laptop.do("go_online")
    phone.do("sync")
    _note("it comes online: it has the new column, and nothing of what it wrote is lost")


def _edit_the_same_row(phone: DeviceProcess, laptop: DeviceProcess) -> None:
    _say("Both edit the same row while they are offline: one its title, the other its body")
    for device in (phone, laptop):
        device.do("go_offline")
    phone.write("UPDATE notes SET title = 'Shopping' WHERE id = '1'")
    laptop.write("UPDATE notes SET body = 'milk, bread, coffee', stars = 1 WHERE id = '1'")
    for device in (phone, laptop):
        device.do("go_online")
    phone.do("sync")
    (row,) = phone.rows("SELECT title, body, stars FROM notes WHERE id = '1'")
    _note(f"merged column by column: {', '.join(map(str, row))}")


def _compare(stage: Stage, phone: DeviceProcess, laptop: DeviceProcess) -> bool:
    places = {
        "Postgres": asyncio.run(_in_postgres(stage, _ALL)),
        "phone.db": phone.rows(_ALL),
        "laptop.db": laptop.rows(_ALL),
    }
    for name, rows in places.items():
        _say(name)
        show_table(_HEADINGS, [[str(value) for value in row] for row in rows])
    click.echo()
    first, *others = places.values()
    return bool(first) and all(rows == first for rows in others)


async def _in_postgres(stage: Stage, sql: str) -> Rows:
    connection = await asyncpg.connect(stage.electric("database-url"))
    try:
        return [tuple(record) for record in await connection.fetch(sql)]
    finally:
        await connection.close()


def _count(when: str, phone: DeviceProcess, laptop: DeviceProcess) -> None:
    counts = [device.rows("SELECT count(*) FROM notes")[0][0] for device in (phone, laptop)]
    _note(f"{when}, the phone has {counts[0]} notes and the laptop {counts[1]}")


def _say(what: str) -> None:
    click.echo()
    click.secho(what, bold=True)


def _note(what: str) -> None:
    click.echo(f"  {what}")
