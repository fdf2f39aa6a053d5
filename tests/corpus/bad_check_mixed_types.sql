-- SQLite compares text with a number, Postgres does not.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT CHECK (x > 1));
