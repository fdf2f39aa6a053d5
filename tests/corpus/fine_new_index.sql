-- An index that is not unique can be added and dropped at any time.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
CREATE INDEX notes_by_body ON notes (body DESC);
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
