-- Older versions read it.
--- migration 1
CREATE TABLE t (id TEXT PRIMARY KEY NOT NULL, a TEXT, b TEXT AS (trim(a)));
--- migration 2
-- expect: drop-column
ALTER TABLE t DROP COLUMN b;
