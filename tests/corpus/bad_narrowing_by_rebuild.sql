-- Text that is no number would be lost.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: narrowing-type
CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body INTEGER);
INSERT INTO new_notes SELECT id, body FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
