-- In SQLite a number is a truth.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, n INTEGER CHECK (n));
