-- Moving no rows between tables of the same migration moves nothing.
--- migration 1
CREATE TABLE old (id TEXT PRIMARY KEY NOT NULL, body TEXT);
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
INSERT INTO notes SELECT id, body FROM old;
DROP TABLE old;
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
