"""Migrations: folders of SQL, and what a build makes of them for SQLite, for Postgres and for
apps."""

from electricsql.migrations.build import Build, BuiltMigration, build, schema_of, schemas_of
from electricsql.migrations.bundle import (
    INDEX_D_TS,
    LOCAL_ENV,
    Bundle,
    BundleMigration,
    bundle_json,
    bundled,
    index_js,
    make_bundle,
    manifest_json,
    read_bundle,
)
from electricsql.migrations.capture import (
    CAPTURE_TABLES,
    GUARD,
    MASK_BITS,
    OPLOG,
    fits,
    triggers,
)
from electricsql.migrations.fates import ColumnFate, Step, TableFate, fates
from electricsql.migrations.folder import read_folder, write_atomically
from electricsql.migrations.grammar import (
    SCHEMA_ACTIONS,
    Action,
    Definition,
    Parsed,
    created,
    fills,
    parse,
)
from electricsql.migrations.inferring import Gap, Lack, additive_lens, gaps, only_adds, pairs_of
from electricsql.migrations.intents import DOWN, DROP, RENAME, Intent, Intents
from electricsql.migrations.local import LOCAL_ONLY, is_local, is_marked, says_local
from electricsql.migrations.local_triggers import FIRING, hears, kept_trigger
from electricsql.migrations.names import new_name, title_of
from electricsql.migrations.policies import (
    KEEP_FIRST,
    ON_CONFLICT,
    Policy,
    given_up,
    policies,
)
from electricsql.migrations.replacing import NOTED
from electricsql.migrations.source import (
    FILE,
    Directive,
    Source,
    Span,
    Statement,
    statements,
    unbound,
)
from electricsql.migrations.weighing import row_bytes

__all__ = [
    "CAPTURE_TABLES",
    "DOWN",
    "DROP",
    "FILE",
    "FIRING",
    "GUARD",
    "INDEX_D_TS",
    "KEEP_FIRST",
    "LOCAL_ENV",
    "LOCAL_ONLY",
    "MASK_BITS",
    "NOTED",
    "ON_CONFLICT",
    "OPLOG",
    "RENAME",
    "SCHEMA_ACTIONS",
    "Action",
    "Build",
    "BuiltMigration",
    "Bundle",
    "BundleMigration",
    "ColumnFate",
    "Definition",
    "Directive",
    "Gap",
    "Intent",
    "Intents",
    "Lack",
    "Parsed",
    "Policy",
    "Source",
    "Span",
    "Statement",
    "Step",
    "TableFate",
    "additive_lens",
    "build",
    "bundle_json",
    "bundled",
    "created",
    "fates",
    "fills",
    "fits",
    "gaps",
    "given_up",
    "hears",
    "index_js",
    "is_local",
    "is_marked",
    "kept_trigger",
    "make_bundle",
    "manifest_json",
    "new_name",
    "only_adds",
    "pairs_of",
    "parse",
    "policies",
    "read_bundle",
    "read_folder",
    "row_bytes",
    "says_local",
    "schema_of",
    "schemas_of",
    "statements",
    "title_of",
    "triggers",
    "unbound",
    "write_atomically",
]
