-- Older apps go on inserting the old one.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, n INTEGER DEFAULT 0);
--- migration 2
-- expect: default-changed warning
CREATE TABLE new_notes (id TEXT PRIMARY KEY NOT NULL, n INTEGER DEFAULT 1);
INSERT INTO new_notes (id, n) SELECT id, n FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
--- row
INSERT INTO notes (id) VALUES ('a');
