-- The default breaks the rule on filled files only.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: depends-on-data
ALTER TABLE notes ADD COLUMN n INTEGER DEFAULT 0 CHECK (n > 0);
