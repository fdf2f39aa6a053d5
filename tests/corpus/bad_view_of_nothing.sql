-- SQLite takes it, and fails when it is read.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- migration 2
-- expect: broken-reference
CREATE VIEW stars AS SELECT id, stars FROM notes;
