-- A word that Postgres would not know.
--- migration 1
-- expect: unknown-type
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x GEOMETRY);
