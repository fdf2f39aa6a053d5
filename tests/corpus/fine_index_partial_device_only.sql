-- Nor does a partial one.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
CREATE INDEX notes_some ON notes (body) WHERE body IS NOT NULL;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
