-- It is NULL in all rows that are there.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
ALTER TABLE notes ADD COLUMN slug TEXT;
-- @unique notes.slug on-conflict=quarantine
CREATE UNIQUE INDEX one ON notes (slug) WHERE body <> '';
--- row
INSERT INTO notes VALUES ('a', 'x', 's'), ('b', '', 's'), ('c', 'x', NULL);
