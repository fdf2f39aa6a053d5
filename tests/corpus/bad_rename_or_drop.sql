-- Was it renamed, or is the old one to go?
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: rename-or-drop
ALTER TABLE notes DROP COLUMN body;
ALTER TABLE notes ADD COLUMN content TEXT;
