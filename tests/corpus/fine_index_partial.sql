-- Both have it.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, due DATE);
--- migration 2
CREATE INDEX notes_some ON notes (body) WHERE body IS NOT NULL AND due IS NOT NULL;
CREATE INDEX notes_trimmed ON notes (trim(body) DESC, due);
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
