-- SQLite lets a child be declared first.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, topic TEXT REFERENCES topics (id));
CREATE TABLE topics (id TEXT PRIMARY KEY NOT NULL);
--- row
INSERT INTO topics VALUES ('t'); INSERT INTO notes VALUES ('a', 't');
