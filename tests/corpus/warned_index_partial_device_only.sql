-- Nor does one on some of the rows.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: device-only-index warning
CREATE INDEX notes_some ON notes (body) WHERE body LIKE '#%';
--- row
INSERT INTO notes (id, body) VALUES ('a', '#x');
