-- The simplest table there is.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
