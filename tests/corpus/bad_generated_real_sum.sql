-- What is too small or too large for a REAL is an error in Postgres.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, cents INTEGER, euros REAL AS (cents / 100.0));
