-- What has the key in it can't collide.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT);
CREATE UNIQUE INDEX one ON notes (body, id) WHERE body IS NOT NULL;
--- row
INSERT INTO notes VALUES ('a', 'x');
