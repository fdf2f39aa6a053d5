-- SQLite can't add one that is stored to a table with rows.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT);
--- migration 2
-- expect: depends-on-data
ALTER TABLE t ADD COLUMN b TEXT GENERATED ALWAYS AS (trim(a)) STORED;
