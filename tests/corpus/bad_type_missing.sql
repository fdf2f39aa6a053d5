-- No type at all.
--- migration 1
-- expect: unknown-type
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x);
