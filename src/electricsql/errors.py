"""Every error a user can meet: one tree, each with a stable code.

    ElectricError
    ├── UsageError            a command or call was used wrongly              exit 2
    ├── ProjectError          the folder: electric.json, migrations/, bundles
    ├── MigrationError        a migration that can't be built or applied
    ├── ServiceError          the service can't be reached, or said no
    ├── PostgresError         Postgres can't be found, started or reached
    ├── DeviceError           the SQLite file on this device
    └── ProtocolError         what came over the wire breaks the rules

An error is a sentence on what went wrong (`problem`), one on what to do (`remedy`), and a `code`
that `docs/errors.md` explains. Where it happened (file, line, column) is part of the problem. The
code says which of the tree's leaves it is, so a program can tell them apart without reading the
sentences.
"""

from typing import Final


class ElectricError(Exception):
    """The root. Catch this to catch everything that is ours.

    Args:
        code: stable, kebab-case; documented in docs/errors.md.
        problem: one sentence on what went wrong, and where.
        remedy: one sentence on what to do about it; may be empty where nothing can be done.
    """

    exit_status: int = 1

    def __init__(self, code: str, problem: str, remedy: str = "") -> None:
        super().__init__(code, problem, remedy)
        self.code: Final = code
        self.problem: Final = problem
        self.remedy: Final = remedy

    def __str__(self) -> str:
        return " ".join(part for part in (self.problem, self.remedy, f"[{self.code}]") if part)


class UsageError(ElectricError):
    """A command or a call was used wrongly."""

    exit_status = 2


class ProjectError(ElectricError):
    """The application's folder is not what the command needs."""


class MigrationError(ElectricError):
    """A migration can't be built, or can't be applied after what was applied before."""


class ServiceError(ElectricError):
    """The service can't be reached, refused the credentials, or said no.

    `definite` is a promise: what was asked did not happen and never will. When in doubt it is
    False.
    """

    def __init__(
        self, code: str, problem: str, remedy: str = "", *, definite: bool = False, status: int = 0
    ) -> None:
        super().__init__(code, problem, remedy)
        self.definite: Final = definite
        self.status: Final = status


class PostgresError(ElectricError):
    """Postgres can't be found, started or reached, or lacks what we need."""


class DeviceError(ElectricError):
    """The SQLite file of this device can't be used, or can't be brought up to date in time."""


class ProtocolError(ElectricError):
    """The other side of a connection broke the protocol; the connection ends, nothing else does."""
