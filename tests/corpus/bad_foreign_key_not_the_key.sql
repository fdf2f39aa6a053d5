-- To a column that is no key.
--- migration 1
CREATE TABLE topics (id TEXT PRIMARY KEY NOT NULL, name TEXT);
--- migration 2
-- expect: foreign-key-target
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, topic TEXT REFERENCES topics (name));
