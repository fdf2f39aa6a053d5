-- The same in ALTER.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: qualified-name
ALTER TABLE main.notes ADD COLUMN x TEXT;
