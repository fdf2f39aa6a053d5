-- What coalesce makes of BOOLEANs is a number in SQLite.
--- migration 1
-- expect: unportable-expression
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, done BOOLEAN CHECK (coalesce(done, 0)));
