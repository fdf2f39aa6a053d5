-- SQLite's names have no case.
--- migration 1
CREATE TABLE topics (id TEXT PRIMARY KEY NOT NULL);
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, topic TEXT REFERENCES TOPICS (ID));
--- row
INSERT INTO topics VALUES ('t'); INSERT INTO notes VALUES ('a', 't');
