-- SQLite keeps 0.5, Postgres makes 1 of it.
--- migration 1
-- expect: generated-column
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, c INTEGER AS (CASE WHEN a = 'x' THEN 0.5 ELSE 1 END));
