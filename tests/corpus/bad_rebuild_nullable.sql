-- Older versions can't show NULL.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL);
--- migration 2
-- expect: rebuilt-table
CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
INSERT INTO new_notes SELECT id, body FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
