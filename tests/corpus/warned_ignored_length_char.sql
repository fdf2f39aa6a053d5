-- SQLite ignores the length, and so does Postgres here.
--- migration 1
-- expect: ignored-length warning
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x CHAR(2));
--- row
INSERT INTO t VALUES ('a', 'abc');
