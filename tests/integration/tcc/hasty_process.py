"""Runs the service such that it forgets what all live devices have passed each second, instead of
each minute.

    python -m tests.integration.tcc.hasty_process MODULE [ARGUMENT…]
"""

import runpy
import sys

from electricsql.service import environments

OFTEN_MS = 1_000


def main(module: str, *arguments: str) -> None:
    for name in ("CLEANING_MS", "PLACE_MS"):
        assert hasattr(environments, name)
        setattr(environments, name, OFTEN_MS)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
