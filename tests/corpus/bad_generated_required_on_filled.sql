-- A device may have a row for which it is NULL.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
--- migration 2
-- expect: depends-on-data
ALTER TABLE notes ADD COLUMN plain TEXT NOT NULL AS (nullif(body, 'Index'));
