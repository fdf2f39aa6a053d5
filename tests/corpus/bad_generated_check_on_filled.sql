-- A device may have a row with that word.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: depends-on-data
ALTER TABLE notes ADD COLUMN plain TEXT AS (trim(body)) CHECK (plain <> 'Index');
