-- A child and its parent.
--- migration 1
CREATE TABLE topics (id TEXT PRIMARY KEY NOT NULL);
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, topic TEXT NOT NULL REFERENCES topics (id));
--- row
INSERT INTO topics VALUES ('t'); INSERT INTO notes VALUES ('a', 't');
