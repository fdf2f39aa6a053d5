-- The same for a column.
--- migration 1
-- expect: identifier-too-long
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc TEXT);
