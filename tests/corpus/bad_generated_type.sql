-- SQLite would keep the text, and Postgres not.
--- migration 1
-- expect: generated-column
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, c INTEGER AS (trim(a)));
