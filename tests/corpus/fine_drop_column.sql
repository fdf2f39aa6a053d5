-- Older versions go on using it.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT NOT NULL, n INTEGER);
--- migration 2
-- @drop notes.body down=''
ALTER TABLE notes DROP COLUMN body;
--- row
INSERT INTO notes (id, n) VALUES ('a', 1);
