-- SQLite has no REGEXP unless an app brings one.
--- migration 1
-- expect: sql-error
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, x TEXT, n INTEGER, CHECK (x REGEXP 'a'));
