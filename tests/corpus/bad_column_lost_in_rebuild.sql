-- A rebuild that leaves a column out drops it.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL);
-- expect: drop-column
INSERT INTO new_notes SELECT id FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
