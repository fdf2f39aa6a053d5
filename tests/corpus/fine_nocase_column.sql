-- A collation that only sorts and compares on devices.
--- migration 1
-- expect: nocase-column warning
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, name TEXT COLLATE NOCASE);
--- row
INSERT INTO t VALUES ('a', 'B');
