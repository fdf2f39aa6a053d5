-- Double quotes are for names; SQLite takes them for a string if there is none.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT CHECK (x <> "none"));
