-- It has nothing of the old one.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- @drop notes
DROP TABLE notes;
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL DEFAULT 0);
--- row
INSERT INTO notes (id, n) VALUES ('a', 7);
