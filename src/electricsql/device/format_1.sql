-- What a device keeps beside the app's tables, in the same file, format 1. The capture tables
-- (`_electric_guard`, `_electric_oplog`) come with the triggers that use them: migrations/capture.py.
-- Later formats are files of their own, run in order.

-- Single values: see meta.py for their names.
CREATE TABLE _electric_meta (
    key TEXT PRIMARY KEY NOT NULL,
    value
) WITHOUT ROWID;

-- The migrations that this file has applied.
CREATE TABLE _electric_migrations (
    name TEXT PRIMARY KEY NOT NULL,
    title TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    statements TEXT NOT NULL,
    applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;

-- Sealed transactions that the hub has not acknowledged: the oplog's entries from first_seq to last_seq.
-- lives: JSON, the changes of rows that are not in their first life (device/lives.py).
CREATE TABLE _electric_transactions (
    number INTEGER PRIMARY KEY,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    hlc INTEGER NOT NULL,
    cursor TEXT,
    schema_version TEXT,
    lives TEXT
);

-- Rows that are dead, in a later life than their first, or kept though deleted; all others are
-- alive in their first (device/lives.py).
CREATE TABLE _electric_lives (
    tbl INTEGER NOT NULL,
    key TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    alive INTEGER NOT NULL,
    PRIMARY KEY (tbl, key)
) WITHOUT ROWID;
CREATE INDEX _electric_lives_kept ON _electric_lives (tbl) WHERE alive = 2;

-- Rows with unsent changes that have no place in their table for now (device/displaced.py).
CREATE TABLE _electric_displaced (
    tbl INTEGER NOT NULL,
    key TEXT NOT NULL,
    block BLOB NOT NULL,
    PRIMARY KEY (tbl, key)
) WITHOUT ROWID;

-- Transactions that the hub refused, whole.
CREATE TABLE _electric_quarantine (
    number INTEGER PRIMARY KEY,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    changes BLOB NOT NULL,
    at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
