-- Places of columns change.
--- migration 1
CREATE TABLE notes (old TEXT, id TEXT PRIMARY KEY NOT NULL, body TEXT, n INTEGER);
CREATE INDEX by_n ON notes (n);
--- migration 2
-- @drop notes.old
ALTER TABLE notes DROP COLUMN old;
ALTER TABLE notes ADD COLUMN more TEXT;
--- row
INSERT INTO notes (id, body, n, more) VALUES ('a', 'b', 1, 'm');
