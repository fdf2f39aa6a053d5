-- A name twice, in other capitals.
--- migration 1
-- expect: sql-error
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, name TEXT, NAME TEXT);
