"""A program that waits until everything is here: `python -m … FILE BUNDLE TOKEN`.

It prints how many rows have come of a delta that is not complete, and `done` at the end.
"""

import sys

from electricsql import Status, electrify

_PATIENCE_S = 120


def main(path: str, bundle: str, token: str) -> None:
    with electrify(path, bundle, token=token) as database:
        database.on_status(tell)
        database.sync(_PATIENCE_S)
    say("done")


def tell(status: Status) -> None:
    if status.progress is not None:
        say(status.progress.rows)


def say(what: object) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
