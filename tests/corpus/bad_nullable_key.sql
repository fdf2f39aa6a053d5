-- SQLite takes any number of NULLs as a text key.
--- migration 1
-- expect: nullable-primary-key
CREATE TABLE notes (id TEXT PRIMARY KEY, body TEXT);
