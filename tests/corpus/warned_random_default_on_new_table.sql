-- Postgres can't compute what SQLite does.
--- migration 1
-- expect: device-only-default warning
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER DEFAULT (random()));
--- row
INSERT INTO t (id, n) VALUES ('a', 7);
