-- The later one waits.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)));
-- @unique t.b on-conflict=quarantine
CREATE UNIQUE INDEX one ON t (b COLLATE NOCASE) WHERE b <> '';
--- row
INSERT INTO t VALUES ('a', ' x '), ('b', ' y'), ('c', ' '), ('d', '');
