-- The same for its type.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: primary-key-changed
CREATE TABLE new_notes (id INTEGER NOT NULL, body TEXT, PRIMARY KEY (id DESC));
INSERT INTO new_notes SELECT id, body FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
