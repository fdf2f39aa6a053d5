-- A key made by a default differs where the row is written; Postgres could not make it.
--- migration 1
-- expect: device-only-default warning
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL DEFAULT (lower(hex(randomblob(16)))), n INTEGER);
--- row
INSERT INTO t (n) VALUES (7);
