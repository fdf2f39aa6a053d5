-- Postgres has a column of this name in every table.
--- migration 1
-- expect: reserved-name
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, xmin TEXT);
