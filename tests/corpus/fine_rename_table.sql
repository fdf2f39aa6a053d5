-- What refers to it follows, and its old name is free.
--- migration 1
-- @unique notes.title on-conflict=quarantine
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT UNIQUE);
CREATE TABLE tags (id TEXT PRIMARY KEY NOT NULL, note TEXT NOT NULL REFERENCES notes);
--- migration 2
ALTER TABLE notes RENAME TO pages;
-- @unique notes.title on-conflict=quarantine
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, title TEXT UNIQUE);
--- row
INSERT INTO pages (id, title) VALUES ('n', 't');
INSERT INTO notes (id, title) VALUES ('n', 'u');
INSERT INTO tags (id, note) VALUES ('a', 'n');
