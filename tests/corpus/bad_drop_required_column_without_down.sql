-- Older versions have nothing to show for new rows.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL, n INTEGER);
--- migration 2
-- @drop notes.body
-- expect: drop-column
ALTER TABLE notes DROP COLUMN body;
