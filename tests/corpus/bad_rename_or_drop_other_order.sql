-- The same the other way round.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
ALTER TABLE notes ADD COLUMN content TEXT;
-- expect: rename-or-drop
ALTER TABLE notes DROP COLUMN body;
