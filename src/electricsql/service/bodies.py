"""What the HTTP API takes and gives. The names on the wire are camelCase; unknown fields are
refused."""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from electricsql.checks import Finding
from electricsql.lenses import Lens
from electricsql.limits import TOKEN_TTL_S, TOKEN_TTL_S_MAX, VERSION_CHARS_MAX

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,30}$")]
Text = Annotated[str, msgspec.Meta(pattern=r"^[^\0]*\Z")]  # what Postgres can hold
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class EnvironmentName(msgspec.Struct, forbid_unknown_fields=True):
    """Names an environment: one deployment of an app."""

    app: Name
    env: Name


class DeviceStatus(msgspec.Struct, rename="camel"):
    """A device that the hub knows. `number` is its last transaction that is in: each up to it was
    merged, or is in the quarantine, where it waits, was retried, or was discarded; `conserved` says
    whether these add up. `lag` counts the Postgres transactions that it does not have yet (null: it
    has none). One that has `expired` was not seen for so long that the hub keeps
    nothing for it any more."""

    device: str
    origin: int
    number: int
    merged: int
    waiting: int
    retried: int
    discarded: int
    conserved: bool
    schema_version: str | None
    seen_at: datetime | None
    lag: int | None
    expired: bool = False


class Drift(msgspec.Struct, rename="camel"):
    """A table that is otherwise than the migrations made it: what is wrong, what to do, and whether
    replication may fail because of it. `since` is when it was changed, if Postgres keeps that
    (`track_commit_timestamp`)."""

    table: str
    problem: str
    remedy: str
    breaks: bool
    since: datetime | None


class EnvironmentStatus(msgspec.Struct, rename="camel"):
    """How an environment is. `connected` counts the device streams of this service process,
    `quarantined` what waits in the quarantine."""

    app: str
    env: str
    epoch: str
    schema_version: str | None
    connected: int
    quarantined: int
    devices: list[DeviceStatus]
    drift: list[Drift] = []


class Confirmation(msgspec.Struct, forbid_unknown_fields=True):
    """The name of what is about to be deleted or given up, once more."""

    confirm: str


class QuarantinedTransaction(msgspec.Struct, rename="camel"):
    """A refused transaction. `id` is the device's `origin`, a point, and its `number` there; `fate`
    is waiting, retried (it is merged then) or discarded; `changes` counts its rows, as far as they
    can be read."""

    id: str
    origin: int
    number: int
    device: str | None
    code: str
    message: str
    at: datetime
    fate: str
    decided_at: datetime | None
    changes: int | None


class ChangedRow(msgspec.Struct):
    """What it does to one row. A blob is `{"blob": hex, "bytes": n}`, a long text `{"text": its
    beginning, "characters": n}`."""

    table: str
    op: str
    key: dict[str, Any]  # a value of SQLite
    values: dict[str, Any]  # the same


class QuarantinedDetail(QuarantinedTransaction, rename="camel"):
    """The same with its rows, the first thousand of them; none if it can't be read."""

    schema_version: str | None
    rows: list[ChangedRow]


class DatabaseUrl(msgspec.Struct):
    """Where the environment's Postgres is, with its password."""

    url: str


class Migration(msgspec.Struct, rename="camel"):
    """A migration that the hub has applied."""

    name: str
    title: str
    sha256: str
    applied_at: datetime


class MigrationDetail(Migration, rename="camel"):
    """The same with its SQL: as written, and as devices run it. An `additive` one changes nothing
    for apps that don't know it; `lens` says how versions read each other (null: it only adds)."""

    source: str
    statements: list[str]
    additive: bool = True
    lens: Lens | None = None


class MigrationSource(msgspec.Struct, forbid_unknown_fields=True):
    """A migration as the developer has it. `sha256` is of the source, CRLF read as LF."""

    name: Annotated[Text, msgspec.Meta(min_length=1, max_length=VERSION_CHARS_MAX)]
    title: Text
    sha256: Sha256
    source: Text


class Migrations(msgspec.Struct, forbid_unknown_fields=True):
    """All migrations that the developer has, in any order."""

    migrations: list[MigrationSource]


class Plan(msgspec.Struct):
    """What applying would do: the names of the new migrations, the SQL for Postgres, and what the
    rules warn of."""

    pending: list[str]
    postgres: list[str]
    findings: list[Finding] = []


class BundleMigration(msgspec.Struct, omit_defaults=True):
    """A migration as devices run it."""

    name: str
    title: str
    sha256: str
    statements: list[str]
    additive: bool = True
    lens: Lens | None = None


class Bundle(msgspec.Struct, rename="camel"):
    """What an app ships, made from the migrations that the hub has applied."""

    app: str
    env: str
    schema_version: str | None
    migrations: list[BundleMigration]


class TokenRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A token to be issued for the user `sub`."""

    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    claims: dict[str, Any] = {}  # the app's own; any JSON
    ttl_s: Annotated[int, msgspec.Meta(ge=1, le=TOKEN_TTL_S_MAX)] = TOKEN_TTL_S
    app: Name | None = None
    env: Name | None = None


class Token(msgspec.Struct):
    """A signed token (JWT)."""

    token: str


class WhoAmI(msgspec.Struct, rename="camel"):
    """Who the presented key or token belongs to. `expires_at` is in seconds since 1970."""

    sub: str
    admin: bool
    app: str | None
    env: str | None
    expires_at: int | None
