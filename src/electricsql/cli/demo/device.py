"""A device of the demo: a process with a SQLite file, which does as it is told on its stdin.

It reads a JSON array from each line, `[what, argument…]`, and answers with one line of JSON.
"""

import json
import sys
from collections.abc import Sequence

import electricsql


class Device:
    """One file, offline until told otherwise."""

    def __init__(self, file: str, bundle: str) -> None:
        self._file = file
        self._bundle = bundle
        self._database = electricsql.electrify(file, bundle, sync=False)

    def write(self, sql: str, *parameters: str | int) -> int:
        with self._database.transaction():
            return self._database.execute(sql, parameters).rowcount

    def read(self, sql: str) -> Sequence[object]:
        return self._database.execute(sql).fetchall()

    def go_online(self) -> None:
        self._database.close()
        self._database = electricsql.electrify(self._file, self._bundle)
        self._database.sync(timeout=30)

    def go_offline(self) -> None:
        self._database.close()
        self._database = electricsql.electrify(self._file, self._bundle, sync=False)

    def sync(self) -> None:
        self._database.sync(timeout=30)

    def pending(self) -> int:
        return self._database.status.pending

    def close(self) -> None:
        self._database.close()


def main() -> None:
    """Serve until stdin ends."""
    device = Device(*sys.argv[1:])
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        answer = getattr(device, what)(*arguments)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    device.close()


if __name__ == "__main__":
    main()
