-- The device lets NEW in, and Postgres does not.
--- migration 1
-- expect: nocase-column warning
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, state TEXT COLLATE NOCASE CHECK (state IN ('new', 'known')));
