"""Under which account Postgres runs. It refuses to be root, and in a container everything is root.

A user namespace in which root has another number needs no account, and no file changes its owner;
where the kernel forbids that, the account `nobody` gets the data folder.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from electricsql.errors import PostgresError

_NAMESPACE: Final = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


def command_prefix(folder: Path) -> Sequence[str]:
    """What to put before a Postgres program that works in `folder`; the folder is handed over to
    the other account if there must be one.

    Raises:
        PostgresError: `postgres-as-root`, if there is no way.
    """
    if os.geteuid() != 0:
        return ()
    if shutil.which(_NAMESPACE[0]) and _works([*_NAMESPACE, "true"]):
        return _NAMESPACE
    nobody = pwd.getpwnam("nobody")
    prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    _hand_over(folder, nobody)
    if shutil.which(prefix[0]) and _works([*prefix, "test", "-w", str(folder)]):
        return prefix
    raise PostgresError(
        "postgres-as-root",
        "Postgres refuses to run as root, and neither a user namespace nor the account nobody can"
        f" be used for {folder}.",
        "Start the service under another account, or use a running Postgres with --database-url.",
    )


def _hand_over(folder: Path, account: pwd.struct_passwd) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid)


def _works(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
