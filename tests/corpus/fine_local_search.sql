-- A full-text index of a device's own.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- @local-only
CREATE VIRTUAL TABLE notes_fts USING fts5 (body);
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
