-- Old apps still write it.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: drop-column
ALTER TABLE notes DROP COLUMN body;
