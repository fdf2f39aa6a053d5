-- To a table that is not there.
--- migration 1
-- expect: foreign-key-target
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, topic TEXT REFERENCES topics (id));
