-- One of the two edges may be NULL: insert, then point.
--- migration 1
CREATE TABLE teams (id TEXT PRIMARY KEY NOT NULL, lead TEXT REFERENCES people (id));
CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES teams (id));
--- row
INSERT INTO teams VALUES ('t', NULL); INSERT INTO people VALUES ('p', 't');
