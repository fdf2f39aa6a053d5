-- A rebuild with a WHERE deletes rows.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- expect: data-statement
INSERT INTO new_notes SELECT id, body FROM notes WHERE body <> '';
-- expect: drop-table
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
