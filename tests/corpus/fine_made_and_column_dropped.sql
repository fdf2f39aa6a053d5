-- Nor has anybody seen this column.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, typo TEXT);
ALTER TABLE notes DROP COLUMN typo;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
