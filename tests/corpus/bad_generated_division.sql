-- NULL in SQLite where it is an error in Postgres.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a INTEGER, b INTEGER, c INTEGER AS (a / b));
