-- Our rows keep it, and others may not.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- @unique notes.body on-conflict=quarantine
-- expect: depends-on-data
CREATE UNIQUE INDEX one ON notes (body) WHERE body = 'Index';
