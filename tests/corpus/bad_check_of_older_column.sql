-- The CHECK of a new column may read an older one.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: depends-on-data
ALTER TABLE notes ADD COLUMN n INTEGER CHECK (body <> 'Index');
