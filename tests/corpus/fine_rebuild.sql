-- Renamed, moved, new, gone, and without its NOT NULL.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, body TEXT, n INTEGER NOT NULL DEFAULT 1);
CREATE INDEX by_body ON notes (body);
CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL, note TEXT NOT NULL REFERENCES notes);
--- migration 2
-- @down notes.title = ''
-- @drop notes.n
CREATE TABLE new_notes (
    id TEXT PRIMARY KEY NOT NULL, stars INTEGER NOT NULL DEFAULT 0, content TEXT, title TEXT
);
INSERT INTO new_notes (id, stars, content, title) SELECT id, 0, notes.body AS content, title FROM notes;
DROP TABLE notes;
ALTER TABLE new_notes RENAME TO notes;
CREATE INDEX by_body ON notes (content);
--- row
INSERT INTO notes (id, stars, content, title) VALUES ('n', 4, 'c', NULL);
INSERT INTO tags (id, note) VALUES ('a', 'n');
