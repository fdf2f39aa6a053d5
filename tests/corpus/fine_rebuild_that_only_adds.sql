-- ADD COLUMN would do the same, and devices could follow it at once.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, stars INTEGER NOT NULL DEFAULT 0);
INSERT INTO new_notes (id, body) SELECT id, body FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
--- row
INSERT INTO notes (id, body, stars) VALUES ('a', 'x', 3);
