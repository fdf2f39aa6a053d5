-- The same for an index.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- @unique notes.body on-conflict=quarantine
CREATE UNIQUE INDEX one_body ON notes (body);
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
