-- One statement each.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
ALTER TABLE notes ADD COLUMN a TEXT; ALTER TABLE notes ADD COLUMN b TEXT;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
