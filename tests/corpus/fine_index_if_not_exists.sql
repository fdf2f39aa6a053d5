-- IF NOT EXISTS changes nothing here.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
CREATE INDEX IF NOT EXISTS notes_by_body ON notes (body);
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
