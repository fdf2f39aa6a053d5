-- What older versions write would have to be computed, too.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: rebuilt-table
CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, size INTEGER);
INSERT INTO new_notes SELECT id, body, length(body) FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
