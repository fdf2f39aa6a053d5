-- Neither row can come first.
--- migration 1
CREATE TABLE teams (id TEXT PRIMARY KEY NOT NULL, lead TEXT NOT NULL REFERENCES people (id));
-- expect: foreign-key-cycle
CREATE TABLE people (id TEXT PRIMARY KEY NOT NULL, team TEXT NOT NULL REFERENCES teams (id));
