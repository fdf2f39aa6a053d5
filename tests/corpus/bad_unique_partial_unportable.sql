-- Which rows it is for would differ.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
-- @unique notes.body on-conflict=quarantine
-- expect: unportable-unique
CREATE UNIQUE INDEX one ON notes (body) WHERE body LIKE 'a%';
