-- Unique over the key's own columns can't collide more than the key does.
--- migration 1
CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL UNIQUE, body TEXT);
--- row
INSERT INTO notes (id, body) VALUES ('a', 'x');
