-- The author says which.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, title TEXT);
--- migration 2
-- @rename notes.body -> content
ALTER TABLE notes DROP COLUMN body;
ALTER TABLE notes ADD COLUMN content TEXT;
-- @drop notes.title
ALTER TABLE notes DROP COLUMN title;
ALTER TABLE notes ADD COLUMN heading TEXT;
--- row
INSERT INTO notes (id, content, heading) VALUES ('a', 'b', 'c');
