-- Postgres calls the primary key's index so.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT);
--- migration 2
-- expect: taken-name
CREATE INDEX notes_pkey ON notes (title);
