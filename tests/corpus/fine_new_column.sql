-- A nullable column: older apps leave it NULL.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
ALTER TABLE notes ADD COLUMN title TEXT;
--- row
INSERT INTO notes VALUES ('a', 'b', 'c');
