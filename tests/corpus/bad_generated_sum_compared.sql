-- A sum that is too large would be compared by SQLite.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INTEGER, b INTEGER, c BOOLEAN AS (a + b > 0));
