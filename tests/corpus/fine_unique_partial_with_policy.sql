-- The same rule for the same rows.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, gone TIMESTAMP);
-- @unique notes.body on-conflict=quarantine
CREATE UNIQUE INDEX one ON notes (body) WHERE gone IS NULL AND body <> '';
--- row
INSERT INTO notes VALUES ('a', 'x', NULL), ('b', 'x', '2024-02-29 12:00:00'), ('c', '', NULL), ('d', '', NULL);
