-- A name that nobody has seen may change.
--- migration 1
CREATE TABLE note (id TEXT PRIMARY KEY NOT NULL, text TEXT);
ALTER TABLE note RENAME TO notes;
ALTER TABLE notes RENAME COLUMN text TO body;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
