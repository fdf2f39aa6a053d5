-- An expression that SQLite and Postgres take differently.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT, n INTEGER, CHECK (substr(x, -1) = 'a'));
