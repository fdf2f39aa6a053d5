-- The cascade may miss what others add meanwhile.
--- migration 1
CREATE TABLE topics (id TEXT PRIMARY KEY NOT NULL);
-- expect: cascading-delete warning
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, topic TEXT REFERENCES topics (id) ON DELETE CASCADE);
--- row
INSERT INTO topics VALUES ('t'); INSERT INTO notes VALUES ('a', 't');
