-- The rebuild idiom over a table of this same migration.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body INTEGER);
CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
INSERT INTO new_notes (id, body) SELECT id, body FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
