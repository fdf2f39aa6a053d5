-- Nobody's data depends on it.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
CREATE INDEX notes_by_body ON notes (body);
--- migration 2
DROP INDEX notes_by_body;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
