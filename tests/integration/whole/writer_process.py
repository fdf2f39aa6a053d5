"""A program that uses a device until it is killed: `python -m … FILE BUNDLE TOKEN NAME`.

Its transaction n makes entry `NAME-n`, says in `writers` how far it has come, and from time to time
takes an old entry away; so all rows there should be follow from how far each writer has come. It
prints n when that transaction is committed, so what was printed must never be lost.
"""

import sys
import time

from electricsql import Database, electrify

SCHEMA = """\
CREATE TABLE writers (name TEXT PRIMARY KEY NOT NULL, last INTEGER NOT NULL);
CREATE TABLE entries (
    id TEXT PRIMARY KEY NOT NULL,
    writer TEXT NOT NULL REFERENCES writers (name),
    n INTEGER NOT NULL
);
"""
STEPS_PER_REMOVAL = 5
_PAUSE_S = 0.005


def removed_by(n: int) -> int | None:
    """The entry that transaction n takes away."""
    return n - STEPS_PER_REMOVAL + 1 if n % STEPS_PER_REMOVAL == 0 else None


def entries_after(last: int) -> set[int]:
    """The entries of a writer that has made `last` transactions."""
    return set(range(1, last + 1)) - {removed_by(n) for n in range(1, last + 1)}


def write(database: Database, name: str, n: int) -> None:
    """The writer's transaction n."""
    with database.transaction():
        database.execute(
            "INSERT INTO writers VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET last = excluded.last",
            (name, n),
        )
        database.execute("INSERT INTO entries VALUES (?, ?, ?)", (f"{name}-{n}", name, n))
        if (removed := removed_by(n)) is not None:
            database.execute("DELETE FROM entries WHERE id = ?", (f"{name}-{removed}",))


def main(path: str, bundle: str, token: str, name: str) -> None:
    database = electrify(path, bundle, token=token)
    found = database.execute("SELECT last FROM writers WHERE name = ?", (name,)).fetchone()
    n: int = found[0] if found else 0
    while True:
        n += 1
        write(database, name, n)
        print(n, flush=True)
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
