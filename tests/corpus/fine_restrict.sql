-- RESTRICT waits for the commit, as merging needs.
--- migration 1
CREATE TABLE topics (id TEXT PRIMARY KEY NOT NULL);
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, topic TEXT REFERENCES topics (id) ON DELETE RESTRICT);
--- row
INSERT INTO topics VALUES ('t'); INSERT INTO notes VALUES ('a', 't');
