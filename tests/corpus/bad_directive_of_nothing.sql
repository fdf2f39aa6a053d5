-- Below all statements.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL);
-- expect: unknown-directive
-- @later think about it
