"""Runs a program that may have so many files open.

python -m tests.integration.scale.limited_process COUNT MODULE [ARGUMENT…]
"""

import resource
import runpy
import sys


def main() -> None:
    count, module, *arguments = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(count), int(count)))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
